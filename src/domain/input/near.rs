//! The name that someone may have meant.

/// Names longer than this are nobody's slip.
const LONGEST: usize = 40;

/// The known name that is at most two slips away; of several the nearest.
pub fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if given.len() > LONGEST {
        return None;
    }
    let far = known.map(|name| (slips(given, name), name));
    let near = far.filter(|(slips, name)| *slips <= 2 && *slips < name.len().div_ceil(2));
    near.min_by_key(|(slips, _)| *slips).map(|(_, name)| name)
}

/// Letters to put in, take out or change (Levenshtein 1966).
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (done, letter) in from.chars().enumerate() {
        let mut next = vec![done + 1];
        for ((changed, taken_out), wanted) in row.iter().zip(row.iter().skip(1)).zip(&to) {
            let put_in = next.last().copied().unwrap_or_default() + 1;
            let changed = changed + usize::from(letter != *wanted);
            next.push(changed.min(taken_out + 1).min(put_in));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_what_was_meant() {
        let known = ["amount_yen", "number", "title", "q"];
        let near = |given: &str| nearest(given, known.into_iter());
        assert_eq!(near("amount_yn"), Some("amount_yen"));
        assert_eq!(near("numbr"), Some("number"));
        assert_eq!(near("titel"), Some("title"));
        assert_eq!((near("x"), near("amount"), near(&"title".repeat(20))), (None, None, None));
        assert_eq!((slips("", "abc"), slips("abc", ""), slips("kitten", "sitting")), (3, 3, 3));
    }
}
