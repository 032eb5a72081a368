//! The name that was probably meant.

/// The nearest of the known names, when it is near enough to be a slip of the fingers.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Longer names are not compared, nor more than so many: a distance costs their product.
    const LONGEST: usize = 100;
    const MOST: usize = 1_000;
    if name.len() > LONGEST {
        return None;
    }
    let folded = name.to_lowercase();
    // One slip in three characters; in a very short name one at most.
    let allowed = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .take(MOST)
        .map(|candidate| {
            let distance = strsim::osa_distance(&folded, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|&(distance, candidate)| distance <= allowed && distance < candidate.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// A hint for an unknown name: the near one, else the choice there is.
pub fn suggest<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    nothing: &str,
) -> String {
    if let Some(near) = nearest(name, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    match list(known) {
        Some(known) => format!("known here: {known}"),
        None => nothing.to_owned(),
    }
}

/// Names for a sentence, each in backquotes, at most twelve; nothing when there are none.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const SHOWN: usize = 12;
    let mut names = names.into_iter();
    let shown: Vec<String> = names
        .by_ref()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    if shown.is_empty() {
        return None;
    }
    let more = names.count();
    let text = shown.join(", ");
    Some(match more {
        0 => text,
        more => format!("{text} and {more} more"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_not_compared() {
        let long = "x".repeat(101);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }

    #[test]
    fn a_slip_is_recognised() {
        let known = ["port", "ports", "protocol", "name"];
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("PORT", known), Some("port"));
        assert_eq!(nearest("protocl", known), Some("protocol"));
    }

    #[test]
    fn another_word_is_not() {
        assert_eq!(nearest("replicas", ["port", "name"]), None);
        assert_eq!(nearest("x", ["y"]), None);
        assert_eq!(nearest("", ["a"]), None);
    }

    #[test]
    fn a_long_choice_is_cut() {
        let names: Vec<String> = (0..15).map(|n| format!("n{n}")).collect();
        let text = list(names.iter().map(String::as_str)).unwrap();
        assert!(text.ends_with("`n11` and 3 more"), "{text}");
    }
}
