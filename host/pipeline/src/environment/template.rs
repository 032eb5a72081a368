//! Text of variables in which `{{service.attribute}}` is replaced.
//!
//! `{{{{` stands for a literal `{{`. A template is parsed once, when the file is read, so that
//! nothing can be malformed by the time that a deployment runs.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::problem::excerpt;

/// Parsed text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

/// One piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Taken as it is.
    Text(String),
    /// Replaced.
    Reference(Reference),
}

/// `{{service.attribute}}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The service whose attribute is meant.
    pub service: String,
    /// `host`, `port` (the first one), `port.NAME`, or, of a job, the name of an output.
    pub attribute: String,
}

impl Reference {
    /// The name in `port.NAME`.
    pub fn port_name(&self) -> Option<&str> {
        self.attribute.strip_prefix("port.")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{{}.{}}}}}", self.service, self.attribute)
    }
}

/// Why text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The reference that starts here does not end.
    #[error("`{{{{{0}` has no closing `}}}}`")]
    Unclosed(String),
    /// What is between the braces is no reference.
    #[error("`{{{{{0}}}}}` is not a reference")]
    NotAReference(String),
}

impl Template {
    /// Parses text.
    ///
    /// # Errors
    /// The first place where a reference is not closed, or is none.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            let (before, opened) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = opened.strip_prefix("{{{{") {
                literal.push_str("{{");
                rest = after;
            } else if opened.starts_with("{{{") {
                literal.push('{');
                rest = opened.get(1..).unwrap_or_default();
            } else {
                let opened = opened.get(2..).unwrap_or_default();
                let (inside, after) = opened
                    .split_once("}}")
                    .ok_or_else(|| Malformed::Unclosed(excerpt(opened)))?;
                if !literal.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut literal)));
                }
                parts.push(Part::Reference(reference(inside)?));
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Self { parts })
    }

    /// Text that stands for itself.
    pub fn literal(text: impl Into<String>) -> Self {
        let text = text.into();
        let parts = match text.is_empty() {
            true => Vec::new(),
            false => vec![Part::Text(text)],
        };
        Self { parts }
    }

    /// The pieces in order; two texts never follow each other.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What is replaced, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reference(reference) => Some(reference),
            Part::Text(_) => None,
        })
    }

    /// The text with every reference replaced by what `lookup` says; what comes from there is
    /// not looked at again.
    ///
    /// # Errors
    /// The first error of `lookup`.
    pub fn render<E>(
        &self,
        mut lookup: impl FnMut(&Reference) -> Result<String, E>,
    ) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Reference(reference) => text.push_str(&lookup(reference)?),
            }
        }
        Ok(text)
    }
}

/// The text that parses to this template.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Text(text) => f.write_str(&text.replace("{{", "{{{{"))?,
                Part::Reference(reference) => write!(f, "{reference}")?,
            }
        }
        Ok(())
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(de::Error::custom)
    }
}

fn reference(inside: &str) -> Result<Reference, Malformed> {
    let part = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    match inside.trim().split_once('.') {
        Some((service, attribute)) if part(service) && attribute.split('.').all(part) => {
            Ok(Reference {
                service: service.to_owned(),
                attribute: attribute.to_owned(),
            })
        }
        _ => Err(Malformed::NotAReference(excerpt(inside))),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn render(text: &str) -> String {
        let lookup = |reference: &Reference| {
            Ok::<_, Infallible>(format!("<{}|{}>", reference.service, reference.attribute))
        };
        Template::parse(text).unwrap().render(lookup).unwrap()
    }

    #[test]
    fn references_are_replaced_and_the_rest_is_kept() {
        for (text, rendered) in [
            ("", ""),
            ("plain { } }} text", "plain { } }} text"),
            (
                "tcp://{{db.host}}:{{ db.port }}",
                "tcp://<db|host>:<db|port>",
            ),
            ("{{db.port.http}}", "<db|port.http>"),
            ("{{{{db.host}}", "{{db.host}}"),
            ("{{{db.host}}}", "{<db|host>}"),
            ("{{{{{db.host}}", "{{{db.host}}"),
            ("{{{{{{db.host}}", "{{<db|host>"),
        ] {
            assert_eq!(render(text), rendered, "{text}");
        }
    }

    #[test]
    fn what_is_malformed_says_so() {
        for (text, message) in [
            ("{{db.host", "`{{db.host` has no closing `}}`"),
            ("{{db}}", "`{{db}}` is not a reference"),
            ("{{}}", "`{{}}` is not a reference"),
            ("{{db.}}", "`{{db.}}` is not a reference"),
            ("{{a b.c}}", "`{{a b.c}}` is not a reference"),
        ] {
            assert_eq!(Template::parse(text).unwrap_err().to_string(), message);
        }
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[{}a. ]{0,6}",
            "\\{\\{[a-z]{1,3}\\.[a-z_]{1,3}(\\.[a-z]{1,2})?\\}\\}"
        ]
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".*") {
            let _: Result<Template, Malformed> = Template::parse(&text);
        }

        #[test]
        fn display_parses_to_the_same(parts in prop::collection::vec(part(), 0..8)) {
            if let Ok(template) = Template::parse(&parts.concat()) {
                prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
            }
        }

        #[test]
        fn a_literal_stands_for_itself(text in "[{}ab.]{0,12}") {
            let template = Template::literal(text.as_str());
            let rendered = template.render(|_| Err(())).unwrap();
            prop_assert_eq!(&rendered, &text);
            prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
        }
    }
}
