//! The nearest name to a mistyped one, for "did you mean".

/// The candidate with the fewest edits to `name`, if these are at most a third of its letters (at least one,
/// so that short ids have a chance); the first of equals.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    if name.chars().count() > 100 {
        return None;
    }
    let most = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edits(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replaced = above[j] + usize::from(a[i] != b[j]);
            let mut fewest = replaced.min(row[j] + 1).min(above[j + 1] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                fewest = fewest.min(before[j - 1] + 1);
            }
            row.push(fewest);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(edits("kitten", "sitting"), 3); // k to s, e to i, g appended
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("covn", "conv"), 1); // one swap
        assert_eq!(edits("conv", "conv"), 0);
    }

    #[test]
    fn suggests_only_what_is_near() {
        let ops = ["conv", "concat", "maxpool"];
        assert_eq!(nearest("Convv", ops).as_deref(), Some("conv"));
        assert_eq!(nearest("max_pool", ops).as_deref(), Some("maxpool"));
        assert_eq!(nearest("attention", ops), None);
        assert_eq!(nearest("encl1", ["enc1", "enc2"]).as_deref(), Some("enc1"));
    }
}
