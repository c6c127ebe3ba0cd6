//! What the centre of the output looks at, and what the deepest layer does when the image moves.

use crate::middle::layers;
use crate::{OpticsError, Subject};
use foci_engine::{Mode, PlanOptions};
use foci_image::Plane;
use foci_kernels::Compute;
use foci_net::Net;

/// Absolute derivatives of the output's central pixel by every input pixel, one map for each window, all of one size; the
/// central pixel is at column and row `side / 2`.
pub(crate) fn central_gradients(
    subject: &Subject,
    windows: &[Plane],
    compute: &Compute,
) -> Result<Vec<Vec<f32>>, OpticsError> {
    let mut maps = Vec::with_capacity(windows.len());
    let plan = PlanOptions { input_gradient: true, ..PlanOptions::new(Mode::Training) };
    let mut session = subject.session_for(windows, plan, compute)?;
    for window in windows {
        session.forward(compute, &window.data)?;
        let mut d_output = vec![0.0; window.data.len()];
        d_output[window.height / 2 * window.width + window.width / 2] = 1.0;
        session.backward(compute, &d_output)?;
        maps.push(session.input_gradient(compute)?.iter().map(|value| value.abs()).collect());
    }
    Ok(maps)
}

/// The layer farthest from the image: the last one on the coarsest map; where all maps have full resolution, the middle one.
pub(crate) fn deepest(net: &Net) -> Option<usize> {
    let layers = layers(net);
    let coarsest = layers.iter().map(|&node| net.nodes[node].scale).max()?;
    if coarsest == 1 {
        return layers.get(layers.len() / 2).copied();
    }
    layers.into_iter().rfind(|&node| net.nodes[node].scale == coarsest)
}

/// The result of node `node`, all channels, for each window, all of one size.
pub(crate) fn features(
    subject: &Subject,
    node: usize,
    windows: &[Plane],
    compute: &Compute,
) -> Result<Vec<Vec<f32>>, OpticsError> {
    let plan = PlanOptions { keep_values: true, ..PlanOptions::new(Mode::Inference) };
    let mut session = subject.session_for(windows, plan, compute)?;
    let mut all = Vec::with_capacity(windows.len());
    for window in windows {
        session.forward(compute, &window.data)?;
        all.push(session.activation(compute, &subject.net.nodes[node].id)?.values);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use foci_kernels::Simd;
    use foci_net::{Architecture, solve};

    fn net(name: &str) -> Net {
        solve::for_weights(&Architecture::shipped(name).unwrap(), 5_000, 1, 1).unwrap()
    }

    #[test]
    fn the_deepest_layer_is_the_bottom_or_the_middle() {
        let name = |net: &Net| net.nodes[deepest(net).unwrap()].id.clone();
        assert_eq!(name(&net("unet")), "bottom");
        assert_eq!(name(&net("fcn")), "bottom");
        assert_eq!(name(&net("atrous")), "a4");
    }

    #[test]
    fn nothing_outside_the_receptive_field_moves_the_central_pixel() {
        let subject = Subject::untrained("atrous", net("atrous")).unwrap();
        let compute = Compute::new(1, Simd::Scalar).unwrap();
        let data = (0..80 * 80).map(|i| ((i * 7919) % 101) as f32 / 100.0).collect();
        let window = Plane { width: 80, height: 80, data };
        let maps = central_gradients(&subject, &[window], &compute).unwrap();
        let reach = subject.net.receptive_field() as usize / 2;
        let mut inside = 0;
        for (index, &value) in maps[0].iter().enumerate() {
            let (x, y) = ((index % 80) as isize - 40, (index / 80) as isize - 40);
            if x.unsigned_abs() > reach || y.unsigned_abs() > reach {
                assert_eq!(value, 0.0, "{x}, {y}");
            } else if value > 0.0 {
                inside += 1;
            }
        }
        assert!(inside > 100);
    }
}
