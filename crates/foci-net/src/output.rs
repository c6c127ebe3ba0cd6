//! The same net for another task: all layers as they are, and another number of channels at the output.

use crate::error::NetError;
use crate::graph::{Net, Op};

impl Net {
    /// The layer that gives what the net gives.
    pub fn last_layer(&self) -> Option<usize> {
        self.nodes.last().and_then(|output| output.from.first()).copied()
    }

    /// This net with `channels` channels at its output: only the last layer, which must be a convolution, is another one.
    ///
    /// # Errors
    /// [`NetError::Widths`] if the last layer is no convolution; [`NetError::Graph`] if there are no or too many channels.
    pub fn giving(&self, channels: usize) -> Result<Net, NetError> {
        let mut nodes = self.nodes.clone();
        let convolution = |op: Op| matches!(op, Op::Conv { .. } | Op::ConvTransposed { .. });
        let Some(last) = self.last_layer().filter(|&last| convolution(self.nodes[last].op)) else {
            let reason = "its last layer is no convolution, so it cannot be given other channels".into();
            return Err(NetError::Widths { net: self.name.clone(), reason });
        };
        let output = nodes.len() - 1;
        nodes[last].channels = channels;
        nodes[output].channels = channels;
        Net::new(self.name.clone(), nodes)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Architecture, solve};

    #[test]
    fn only_the_last_layer_differs() {
        for name in ["unet", "atrous", "fcn"] {
            let architecture = Architecture::load(name).unwrap();
            let net = solve::for_weights(&architecture, 20_000, 1, 1).unwrap();
            let other = net.giving(4).unwrap();
            let last = net.last_layer().unwrap();
            assert_eq!(last, net.nodes.len() - 2);
            assert_eq!(other.nodes[..last], net.nodes[..last]);
            assert_eq!([other.nodes[last].channels, other.nodes[last + 1].channels], [4, 4]);
            // Each channel has weights of its own and a bias.
            let one = net.giving(2).unwrap().weights() - net.weights();
            assert_eq!(other.weights() - net.weights(), 3 * one);
            assert_eq!(other.giving(1).unwrap(), net);
            assert!(net.giving(0).is_err());
        }
    }
}
