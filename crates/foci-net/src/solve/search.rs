//! The search itself: where it starts, which steps it takes, and what a choice of widths costs.

use std::collections::BTreeSet;

use super::TOLERANCE;
use crate::architecture::Architecture;
use crate::blueprint::Blueprint;
use crate::graph::{MAX_CHANNELS, Net};
use crate::ties::WidthGroup;

/// A wide step: where counts lie far apart, as in densely connected nets, they are reached from widths far apart.
const WIDE: usize = 16;
/// What missing the budget by all of it costs, in the unit of the cost: far more than any shape.
const MISS: f64 = 1e4;
/// Starting points that are improved further.
const STARTS: usize = 6;
/// Cost for each group above which a choice is poor enough to look further: 16 % off.
const POOR: f64 = 2.5;
/// Groups tried as the one that is set apart.
const MOST_SET_APART: usize = 24;
/// Roundings tried one by one: enough for four neighbouring widths in each of seven layers.
const MOST_ROUNDINGS: usize = 20_000;
/// Nodes that may be visited in all while trying widths; the shipped nets need a hundredth of it.
const MOST_VISITS: usize = 200_000_000;

/// Widths of one architecture being tried against one budget.
pub(super) struct Search<'a, M> {
    blueprint: Blueprint,
    measure: M,
    groups: &'a [WidthGroup],
    budget: f64,
    /// What each group's width should be, not yet a whole number.
    shares: Vec<f64>,
    /// Smallest miss so far, the count that has it, and its widths.
    nearest: (f64, f64, Vec<usize>),
    visits: usize,
}

/// A choice of widths with what it costs.
#[derive(Clone)]
struct Choice {
    cost: f64,
    meets: bool,
    widths: Vec<usize>,
}

fn keep_cheapest(starts: &mut Vec<Choice>) {
    starts.sort_by(|a, b| a.cost.total_cmp(&b.cost).then_with(|| a.widths.cmp(&b.widths)));
    starts.truncate(STARTS);
}

impl<'a, M: Fn(&Net) -> f64> Search<'a, M> {
    pub fn new(
        architecture: &'a Architecture,
        budget: f64,
        measure: M,
        channels_in: usize,
        channels_out: usize,
    ) -> Search<'a, M> {
        let groups = architecture.widths();
        Search {
            blueprint: architecture.blueprint(channels_in, channels_out),
            measure,
            groups,
            budget,
            shares: Vec::new(),
            nearest: (f64::INFINITY, f64::INFINITY, groups.iter().map(WidthGroup::fewest).collect()),
            visits: 0,
        }
    }

    /// The count nearest to the budget of all that were tried, and its widths.
    pub fn nearest(&self) -> (f64, &[usize]) {
        (self.nearest.1, &self.nearest.2)
    }

    /// The cheapest widths found that meet the budget.
    pub fn run(&mut self) -> Option<Vec<usize>> {
        let scale = self.scale()?;
        self.shares = self.groups.iter().map(|g| (scale * g.relative).max(g.fewest() as f64)).collect();
        let mut starts: Vec<Choice> =
            self.starts(scale).into_iter().map(|widths| self.judge(widths)).collect();
        keep_cheapest(&mut starts);
        starts.extend(self.best_rounding());
        let mut best = self.improve_all(starts);
        if best.as_ref().is_none_or(|best| best.cost > POOR * self.groups.len() as f64) {
            let mut starts = self.outliers();
            keep_cheapest(&mut starts);
            best = best.into_iter().chain(self.improve_all(starts)).min_by(|a, b| a.cost.total_cmp(&b.cost));
        }
        best.map(|choice| choice.widths)
    }

    /// The cheapest choice that meets the budget and to which one of the starts leads.
    fn improve_all(&mut self, starts: Vec<Choice>) -> Option<Choice> {
        let mut best: Option<Choice> = None;
        for start in starts {
            let end = self.improve(start);
            if end.meets && best.as_ref().is_none_or(|best| end.cost < best.cost) {
                best = Some(end);
            }
        }
        best
    }

    /// The scale at which the rounded widths come to cross the budget; `None` if none can reach it.
    fn scale(&mut self) -> Option<f64> {
        let widest = self.groups.iter().map(|group| group.relative).fold(f64::MIN_POSITIVE, f64::max);
        let (mut low, mut high) = (1e-3_f64, MAX_CHANNELS as f64 / widest);
        let at = |search: &mut Self, scale| {
            let widths = search.rounded(scale, 1);
            search.count(&widths)
        };
        if at(self, low) > self.budget * (1.0 + TOLERANCE) || at(self, high) < self.budget * (1.0 - TOLERANCE)
        {
            return None;
        }
        for _ in 0..60 {
            let middle = (low * high).sqrt();
            if at(self, middle) < self.budget {
                low = middle;
            } else {
                high = middle;
            }
        }
        Some(high)
    }

    /// Widths in proportion, each branch rounded to a multiple of `quantum`.
    fn rounded(&self, scale: f64, quantum: usize) -> Vec<usize> {
        let round = |group: &WidthGroup| {
            let step = if quantum == 1 { 1 } else { quantum * group.fewest() };
            let steps = (scale * group.relative / step as f64).round().max(1.0);
            (steps as usize * step).clamp(group.fewest(), MAX_CHANNELS)
        };
        self.groups.iter().map(round).collect()
    }

    /// Proportional widths a little smaller and larger than the scale, in wide steps and in single ones.
    fn starts(&self, scale: f64) -> BTreeSet<Vec<usize>> {
        let mut starts = BTreeSet::new();
        for quantum in [WIDE, WIDE / 2, 1] {
            for percent in -12..=12 {
                starts.insert(self.rounded(scale * (1.0 + f64::from(percent) / 100.0), quantum));
            }
        }
        starts
    }

    /// The cheapest of all ways to round each share to one of its neighbours.
    ///
    /// Where few layers are narrow, the counts that can be had lie far apart, and steps from one choice to the
    /// next do not find the good ones.
    fn best_rounding(&mut self) -> Option<Choice> {
        let mut each = 0;
        while each < 4 && (each as f64 + 1.0).powf(self.groups.len() as f64) <= MOST_ROUNDINGS as f64 {
            each += 1;
        }
        if each < 2 {
            return None;
        }
        let lowest: Vec<usize> = self
            .groups
            .iter()
            .zip(&self.shares)
            .map(|(group, share)| (share.floor() as usize).saturating_sub(each / 2 - 1).max(group.fewest()))
            .collect();
        let mut best: Option<Choice> = None;
        for number in 0..each.pow(self.groups.len() as u32) {
            let mut digits = number;
            let mut widths = lowest.clone();
            for width in &mut widths {
                *width = (*width + digits % each).min(MAX_CHANNELS);
                digits /= each;
            }
            let choice = self.judge(widths);
            if best.as_ref().is_none_or(|best| choice.cost < best.cost) {
                best = Some(choice);
            }
        }
        best
    }

    /// The cheapest ways to set one group apart, each with all others in proportion.
    ///
    /// In a densely connected net of equal widths the count follows the sum of the widths, whichever layer they
    /// are in, so that only one layer far from the others reaches the counts between two sums.
    fn outliers(&mut self) -> Vec<Choice> {
        let mut found = Vec::new();
        for group in 0..self.groups.len().min(MOST_SET_APART) {
            for percent in (50..=250).step_by(25) {
                let mut best: Option<Choice> = None;
                for less in 0..16 {
                    let scale = 1.0 - f64::from(less) / 50.0;
                    let share = |(index, share): (usize, &f64)| {
                        let part = if index == group { f64::from(percent) / 100.0 } else { scale };
                        ((share * part).round() as usize).clamp(self.groups[index].fewest(), MAX_CHANNELS)
                    };
                    let widths = self.shares.iter().enumerate().map(share).collect();
                    let choice = self.judge(widths);
                    if best.as_ref().is_none_or(|best| choice.cost < best.cost) {
                        best = Some(choice);
                    }
                }
                found.extend(best);
            }
        }
        found
    }

    fn count(&mut self, widths: &[usize]) -> f64 {
        self.blueprint.set_widths(widths);
        self.visits += self.blueprint.net.nodes.len();
        if self.blueprint.net.nodes.iter().any(|node| node.channels > MAX_CHANNELS) {
            return f64::INFINITY;
        }
        let count = (self.measure)(&self.blueprint.net);
        let miss = (count - self.budget).abs();
        if miss < self.nearest.0 {
            self.nearest = (miss, count, widths.to_vec());
        }
        count
    }

    fn judge(&mut self, widths: Vec<usize>) -> Choice {
        let miss = (self.count(&widths) - self.budget).abs() / self.budget;
        let shape: f64 = (0..widths.len()).map(|group| self.shape_cost(group, widths[group])).sum();
        // Written so that an infinite or undefined count never meets the budget.
        let meets = miss <= TOLERANCE;
        let cost = if meets { shape } else { shape + MISS * miss };
        Choice { cost: if cost.is_nan() { f64::INFINITY } else { cost }, meets, widths }
    }

    /// How far a group is from its share.
    fn shape_cost(&self, group: usize, width: usize) -> f64 {
        let off = (width as f64 / self.shares[group]).ln() / 0.1;
        off * off
    }

    /// Changes one layer, where that no longer helps two, then three, for as long as the cost falls.
    fn improve(&mut self, start: Choice) -> Choice {
        let mut current = start;
        while self.visits < MOST_VISITS {
            let better = self
                .best_single(&current)
                .or_else(|| self.best_pair(&current))
                .or_else(|| self.best_triple(&current));
            match better {
                Some(better) => current = better,
                None => break,
            }
        }
        current
    }

    fn best_single(&mut self, current: &Choice) -> Option<Choice> {
        let mut best: Option<Choice> = None;
        for group in 0..self.groups.len() {
            for width in self.steps(group, current.widths[group]) {
                self.try_changes(current, &[(group, width)], &mut best);
            }
        }
        best
    }

    fn best_pair(&mut self, current: &Choice) -> Option<Choice> {
        let mut best: Option<Choice> = None;
        for a in 0..self.groups.len() {
            for b in a + 1..self.groups.len() {
                if self.visits >= MOST_VISITS {
                    return best;
                }
                for width_a in self.steps(a, current.widths[a]) {
                    for width_b in self.steps(b, current.widths[b]) {
                        self.try_changes(current, &[(a, width_a), (b, width_b)], &mut best);
                    }
                }
            }
        }
        best
    }

    /// A channel or two in three layers at once; only for a few layers, where each choice is far from the next.
    fn best_triple(&mut self, current: &Choice) -> Option<Choice> {
        let groups = self.groups.len();
        if groups > 10 || current.cost < POOR * groups as f64 {
            return None;
        }
        let mut best: Option<Choice> = None;
        let near = |width: usize| [-2_isize, -1, 1, 2].map(|step| width.saturating_add_signed(step));
        for (a, b, c) in (0..groups).flat_map(|a| (0..a).flat_map(move |b| (0..b).map(move |c| (a, b, c)))) {
            for width_a in near(current.widths[a]) {
                for width_b in near(current.widths[b]) {
                    for width_c in near(current.widths[c]) {
                        let changes = [(a, width_a), (b, width_b), (c, width_c)];
                        if changes.iter().all(|&(group, width)| width >= self.groups[group].fewest()) {
                            self.try_changes(current, &changes, &mut best);
                        }
                    }
                }
            }
        }
        best
    }

    /// Keeps in `best` the current choice with `changes` if it is cheaper than all before.
    fn try_changes(&mut self, current: &Choice, changes: &[(usize, usize)], best: &mut Option<Choice>) {
        let mut widths = current.widths.clone();
        for &(group, width) in changes {
            widths[group] = width;
        }
        let choice = self.judge(widths);
        // A hair's breadth, so that rounding errors cannot make it go round in circles.
        if choice.cost < best.as_ref().map_or(current.cost, |best| best.cost) - 1e-9 {
            *best = Some(choice);
        }
    }

    /// Widths to try next: a channel or two more or less, and the next of the wide steps.
    fn steps(&self, group: usize, width: usize) -> Vec<usize> {
        let fewest = self.groups[group].fewest();
        let full = WIDE * fewest;
        let near = [
            width.saturating_sub(2),
            width.saturating_sub(1),
            width + 1,
            width + 2,
            (width - 1) / full * full,
            (width / full + 1) * full,
        ];
        let near: BTreeSet<usize> =
            near.into_iter().filter(|w| (fewest..=MAX_CHANNELS).contains(w)).collect();
        near.into_iter().collect()
    }
}
