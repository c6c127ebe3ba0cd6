//! Factors: training and architecture varied on purpose, arm by arm, so that one study tells what each variation does.
//!
//! Every arm that is no control is the *base* of variants, each with one or more of its settings changed. With
//! `design = "full"` there is a variant for every combination of changes; with `"one_at_a_time"` one for each change. A
//! variant is an arm like any other: its learning rate is tuned, it is trained with every seed, and claims may name it. It
//! is compared with the arms from which it differs in one setting.

use super::ArmSpec;
use foci_net::{Activation, Normalisation, Regularisation};
use serde::{Deserialize, Serialize};

/// Which combinations of changes there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Every combination: effects can be told from each other and seen to depend on each other; the arms multiply.
    #[default]
    Full,
    /// Each change alone.
    OneAtATime,
}

/// What is varied, in a table `[factors]`: values that are tried besides the arm's own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FactorSpec {
    /// Which combinations.
    pub design: Design,
    /// Activations of all hidden layers.
    pub activation: Vec<Activation>,
    /// Normalisations of all hidden layers.
    pub normalisation: Vec<Normalisation>,
    /// Weight decays.
    pub weight_decay: Vec<f64>,
    /// Rates of dropout behind every hidden layer.
    pub dropout: Vec<f64>,
    /// Rates of dropout of whole skips.
    pub skip_dropout: Vec<f64>,
    /// Losses at the layers that are upsampled.
    pub deep_supervision: bool,
}

/// One change of an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Activation(Activation),
    Normalisation(Normalisation),
    WeightDecay(f64),
    Dropout(f64),
    SkipDropout(f64),
    DeepSupervision,
}

impl Change {
    fn apply(self, arm: &mut ArmSpec) {
        match self {
            Change::Activation(activation) => arm.activation = Some(activation),
            Change::Normalisation(normalisation) => arm.normalisation = Some(normalisation),
            Change::WeightDecay(decay) => arm.weight_decay = Some(decay),
            Change::Dropout(rate) => arm.dropout = rate,
            Change::SkipDropout(rate) => arm.skip_dropout = rate,
            Change::DeepSupervision => arm.deep_supervision = true,
        }
    }

    /// As it ends the name of a variant.
    fn suffix(self) -> String {
        match self {
            Change::Activation(activation) => activation.name().into(),
            Change::Normalisation(normalisation) => format!("{}-norm", normalisation.name()),
            Change::WeightDecay(decay) => format!("decay-{decay}"),
            Change::Dropout(rate) => format!("dropout-{rate}"),
            Change::SkipDropout(rate) => format!("skip-dropout-{rate}"),
            Change::DeepSupervision => "deep-supervision".into(),
        }
    }
}

impl FactorSpec {
    /// The factors, each with its changes.
    fn factors(&self) -> Vec<Vec<Change>> {
        let rates = |rates: &[f64], change: fn(f64) -> Change| rates.iter().copied().map(change).collect();
        let deep = if self.deep_supervision { vec![Change::DeepSupervision] } else { Vec::new() };
        vec![
            self.activation.iter().copied().map(Change::Activation).collect(),
            self.normalisation.iter().copied().map(Change::Normalisation).collect(),
            rates(&self.weight_decay, Change::WeightDecay),
            rates(&self.dropout, Change::Dropout),
            rates(&self.skip_dropout, Change::SkipDropout),
            deep,
        ]
    }

    /// The combinations of changes, none at all left out.
    fn combinations(&self) -> Vec<Vec<Change>> {
        let factors = self.factors();
        if self.design == Design::OneAtATime {
            return factors.into_iter().flatten().map(|change| vec![change]).collect();
        }
        let mut all = vec![Vec::new()];
        for factor in factors {
            let longer: Vec<Vec<Change>> = all
                .iter()
                .flat_map(|before| factor.iter().map(move |&change| [&before[..], &[change]].concat()))
                .collect();
            all.extend(longer);
        }
        all.into_iter().filter(|changes| !changes.is_empty()).collect()
    }

    /// The arms with the variants of each behind it; at most `most` of them, else how many there would be.
    pub(super) fn multiply(&self, arms: Vec<ArmSpec>, most: usize) -> Result<Vec<ArmSpec>, String> {
        let levels = self.factors().into_iter().map(|changes| changes.len());
        let count = match self.design {
            Design::Full => levels.fold(1_usize, |all, levels| all.saturating_mul(levels + 1)),
            Design::OneAtATime => 1 + levels.sum::<usize>(),
        };
        let bases = arms.iter().filter(|arm| !arm.control).count();
        if bases.saturating_mul(count) > most {
            return Err(format!(
                "factors: {bases} arms in {count} forms each are more than {most}; vary less, or one at a time with design = \"one_at_a_time\""
            ));
        }
        let combinations = self.combinations();
        let mut all = Vec::new();
        for base in arms {
            let variant = |changes: &Vec<Change>| {
                let mut arm = ArmSpec { variant_of: Some(base.name.clone()), ..base.clone() };
                for change in changes {
                    change.apply(&mut arm);
                    arm.name = format!("{}-{}", arm.name, change.suffix());
                }
                arm
            };
            let variants: Vec<ArmSpec> =
                if base.control { Vec::new() } else { combinations.iter().map(variant).collect() };
            all.push(base);
            all.extend(variants);
        }
        Ok(all)
    }
}

impl ArmSpec {
    /// What the arm adds to its net for training.
    pub fn regularisation(&self) -> Regularisation {
        let ArmSpec { dropout, skip_dropout, deep_supervision, .. } = *self;
        Regularisation { dropout, skip_dropout, deep_supervision }
    }

    /// The settings that factors vary, in words; those of two arms can be held against each other place by place.
    pub fn settings(&self) -> [String; 6] {
        let rate = |what: &str, rate: f64| match rate {
            0.0 => format!("no {what}"),
            rate => format!("{what} {rate}"),
        };
        [
            self.activation
                .map_or("own activation".into(), |activation| format!("activation {}", activation.name())),
            self.normalisation.map_or("own normalisation".into(), |normalisation| match normalisation {
                Normalisation::None => "no normalisation".into(),
                Normalisation::Group => "group normalisation".into(),
            }),
            self.weight_decay.map_or("own weight decay".into(), |decay| format!("weight decay {decay}")),
            rate("dropout", self.dropout),
            rate("skip dropout", self.skip_dropout),
            if self.deep_supervision { "deep supervision" } else { "no deep supervision" }.into(),
        ]
    }

    /// The one setting in which this arm differs from another of the same family, in words; `None` if they are no such
    /// pair.
    pub fn only_difference(&self, other: &ArmSpec) -> Option<String> {
        if self.family() != other.family() {
            return None;
        }
        let (mine, theirs) = (self.settings(), other.settings());
        let mut different = mine.into_iter().zip(theirs).filter(|(mine, theirs)| mine != theirs);
        let (mine, _) = different.next()?;
        different.next().is_none().then_some(mine)
    }

    /// The base of a variant; the arm itself if it is none.
    pub fn family(&self) -> &str {
        self.variant_of.as_deref().unwrap_or(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(name: &str) -> ArmSpec {
        ArmSpec { name: name.into(), net: name.into(), ..ArmSpec::default() }
    }

    fn factors(design: Design) -> FactorSpec {
        FactorSpec {
            design,
            activation: vec![Activation::Elu, Activation::Silu],
            dropout: vec![0.1],
            deep_supervision: true,
            ..FactorSpec::default()
        }
    }

    #[test]
    fn one_at_a_time_has_a_variant_for_each_change() {
        let control = ArmSpec { control: true, ..arm("control") };
        let all = factors(Design::OneAtATime).multiply(vec![arm("unet"), control], 100).unwrap();
        let names: Vec<&str> = all.iter().map(|arm| arm.name.as_str()).collect();
        let expected =
            ["unet", "unet-elu", "unet-silu", "unet-dropout-0.1", "unet-deep-supervision", "control"];
        assert_eq!(names, expected);
        assert_eq!(all[3].variant_of.as_deref(), Some("unet"));
        assert_eq!(all[3].only_difference(&all[0]).unwrap(), "dropout 0.1");
        assert_eq!(all[0].only_difference(&all[3]).unwrap(), "no dropout");
        assert_eq!(all[3].only_difference(&all[4]), None);
        assert_eq!(all[0].only_difference(&all[5]), None);
    }

    #[test]
    fn a_full_design_has_every_combination_once() {
        let all = factors(Design::Full).multiply(vec![arm("unet")], 100).unwrap();
        // Three activations, two dropouts, with and without deep supervision.
        assert_eq!(all.len(), 3 * 2 * 2);
        let mut settings: Vec<_> = all.iter().map(ArmSpec::settings).collect();
        settings.sort();
        settings.dedup();
        assert_eq!(settings.len(), 12);
        let last = all.iter().find(|arm| arm.name == "unet-silu-dropout-0.1-deep-supervision").unwrap();
        assert_eq!(last.activation, Some(Activation::Silu));
        assert_eq!(
            last.regularisation(),
            Regularisation { dropout: 0.1, skip_dropout: 0.0, deep_supervision: true }
        );
        // Each of the 12 differs in one setting from 2 + 1 + 1 others.
        let pairs = all.iter().flat_map(|a| all.iter().filter(|b| a.only_difference(b).is_some())).count();
        assert_eq!(pairs, 12 * 4);
    }

    #[test]
    fn too_many_arms_are_refused() {
        let error = factors(Design::Full).multiply(vec![arm("unet"), arm("fcn")], 23).unwrap_err();
        assert!(error.contains("2 arms in 12 forms"), "{error}");
    }
}
