//! Text and numbers as they stand in a page.

/// Text that is safe between tags and in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A price: `€18.50`.
pub(crate) fn euros(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    format!("{sign}€{}.{:02}", cents / 100, cents % 100)
}

/// One thing, or several of them: `1 piece`, `2 pieces`.
pub(crate) fn count(number: i64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_can_become_markup() {
        assert_eq!(
            escape(r#"<a href="x" id='y'>&amp;"#),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;"
        );
    }

    #[test]
    fn prices_have_two_digits_of_cents() {
        assert_eq!(euros(1850), "€18.50");
        assert_eq!(euros(5), "€0.05");
        assert_eq!(euros(-120), "-€1.20");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1, "piece", "pieces"), "1 piece");
        assert_eq!(count(0, "piece", "pieces"), "0 pieces");
    }
}
