//! Which products have the words, and in which order they are shown.

use kit::product::Product;

/// How many words of a search count; what comes after them is ignored.
const WORDS: usize = 8;

/// The products in which every word begins some word, those with better places first and
/// otherwise in their order. No words find everything.
pub(crate) fn best<'a>(products: &'a [Product], words: &str) -> Vec<&'a Product> {
    let wanted: Vec<String> = split(words).take(WORDS).collect();
    let mut found: Vec<(u32, &Product)> = products
        .iter()
        .filter_map(|product| Some((score(product, &wanted)?, product)))
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, product)| product).collect()
}

/// Higher is better; nothing when a word is missing.
fn score(product: &Product, wanted: &[String]) -> Option<u32> {
    let places = [
        (9, &product.name),
        (3, &product.category),
        (1, &product.about),
    ];
    wanted.iter().try_fold(0, |sum, word| {
        let best = places
            .iter()
            .filter_map(|(weight, text)| Some(weight * closeness(text, word)?))
            .max()?;
        Some(sum + best)
    })
}

/// A whole word counts twice as much as the beginning of one.
fn closeness(text: &str, word: &str) -> Option<u32> {
    split(text)
        .filter(|candidate| candidate.starts_with(word))
        .map(|candidate| if candidate == word { 2 } else { 1 })
        .max()
}

fn split(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(name: &str, category: &str, about: &str) -> Product {
        Product {
            sku: name.into(),
            name: name.into(),
            category: category.into(),
            price_cents: 1,
            about: about.into(),
            picture: String::new(),
        }
    }

    fn find(words: &str) -> Vec<String> {
        let products = [
            product("Elm tray", "Table", "Carries a pot and four cups."),
            product("Espresso cups", "Cups", "They stack."),
            product("Teapot", "Pots", "For tea."),
            product("Breakfast tea", "Table", "Assam."),
        ];
        best(&products, words)
            .into_iter()
            .map(|product| product.name.clone())
            .collect()
    }

    #[test]
    fn names_come_before_descriptions_and_whole_words_before_beginnings() {
        assert_eq!(find("cups"), ["Espresso cups", "Elm tray"]);
        assert_eq!(find("tea"), ["Breakfast tea", "Teapot"]);
        assert_eq!(find("POT"), ["Teapot", "Elm tray"]);
    }

    #[test]
    fn every_word_counts() {
        assert_eq!(find("table elm"), ["Elm tray"]);
        assert!(find("elm tea").is_empty());
        assert_eq!(find(" , ").len(), 4);
    }
}
