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

/// Levenshtein distance: insertions, deletions and replacements that turn `a` into `b`.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(edits("kitten", "sitting"), 3); // k to s, e to i, g appended
        assert_eq!(edits("", "abc"), 3);
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
