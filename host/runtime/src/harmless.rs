//! Text of strangers, made safe to show: what could move a cursor, recolour a terminal or
//! reorder letters is spelt out, and its length is bounded.
//!
//! Everything that a guest says and a person reads passes through here, at the edge of the
//! sandbox, so that nobody after it has to think of it.

use crate::record::{Change, Description, Failure, Output, Problem, State};

/// Bytes of one text in a record.
const LONGEST: usize = 16 * 1024;
/// Bytes of an address or a reference.
const LONGEST_WORD: usize = 4 * 1024;
/// Bytes of all outputs of a job.
const LARGEST_OUTPUTS: usize = 64 * 1024;
/// Further facts of one failure, changes of one plan, problems of one configuration.
const MOST: usize = 1_000;
/// The way out, where a plugin answers with what is no answer.
const AUTHOR: &str = "this is a fault of the plugin: tell its author";

/// One line of at most so many bytes; line breaks are spelt out, too.
pub(crate) fn line(text: &str, longest: usize) -> String {
    // Most of what is ever said, in no more time than it takes to copy it.
    let plain = |byte: u8| byte == b'\t' || (0x20..0x7f).contains(&byte);
    if text.len() <= longest && text.bytes().all(plain) {
        return text.to_owned();
    }
    spelt_out(text, longest, |character| {
        character != '\t' && disturbs(character)
    })
}

/// A text of possibly several lines.
fn several(text: &mut String) {
    let bad = |character: char| !matches!(character, '\t' | '\n') && disturbs(character);
    if text.len() > LONGEST || text.contains(bad) {
        *text = spelt_out(text, LONGEST, bad);
    }
}

/// A word that goes on to other places, an address or a reference: one that could not be such
/// is refused, as it cannot be cut or spelt out.
pub(crate) fn word(what: &str, text: String) -> Result<String, Failure> {
    let fits = text.len() <= LONGEST_WORD && !text.chars().any(disturbs);
    if fits {
        return Ok(text);
    }
    let message = format!("the plugin answered with {what} that cannot be one");
    Err(Failure::new("plugin.answer", message).hint(AUTHOR))
}

/// What a build depends on, as labels and values that people are shown. Neither is cut, for
/// two that differ must stay different.
pub(crate) fn inputs(inputs: &[(String, String)]) -> Result<(), Failure> {
    let fits = |text: &String| text.len() <= LONGEST && !text.contains(disturbs);
    if inputs.len() <= MOST && inputs.iter().all(|(name, value)| fits(name) && fits(value)) {
        return Ok(());
    }
    let message = format!(
        "the plugin answered with inputs that cannot be shown; at most {MOST} are taken, of {LONGEST} bytes without control characters"
    );
    Err(Failure::new("plugin.answer", message).hint(AUTHOR))
}

/// Whether `{{job.name}}` can refer to it.
pub(crate) fn output_name(name: &str) -> Result<(), &'static str> {
    let fits = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    match !name.is_empty() && name.len() <= 128 && name.chars().all(fits) {
        true => Ok(()),
        false => Err("a name has 1 to 128 letters, digits, `_`, `-` and `.`, and this one has not"),
    }
}

/// Whether a program can be given it as a variable.
pub(crate) fn output_value(value: &str) -> Result<(), &'static str> {
    match value.contains('\0') {
        true => Err("a value has a NUL in it, which no variable can hold"),
        false => Ok(()),
    }
}

/// Outputs of a job as the file must be that programs write them to.
pub(crate) fn outputs(outputs: &[Output]) -> Result<(), Failure> {
    for output in outputs {
        output_name(&output.name)
            .and_then(|()| output_value(&output.value))
            .map_err(|why| {
                let message = format!("the plugin answered with an output that is none: {why}");
                Failure::new("plugin.answer", message).hint(AUTHOR)
            })?;
    }
    let bytes: usize = outputs.iter().map(|output| output.value.len()).sum();
    if outputs.len() <= MOST && bytes <= LARGEST_OUTPUTS {
        return Ok(());
    }
    let message = format!(
        "the plugin answered with {} outputs of {bytes} bytes; at most {MOST} of {LARGEST_OUTPUTS} bytes in all are taken",
        outputs.len()
    );
    Err(Failure::new("plugin.answer", message).hint(AUTHOR))
}

pub(crate) fn failure(failure: &mut Failure) {
    several(&mut failure.code);
    several(&mut failure.message);
    failure.hint.iter_mut().for_each(several);
    failure.details.truncate(MOST);
    for (name, value) in &mut failure.details {
        several(name);
        several(value);
    }
}

/// What goes on to other places is refused when it cannot be what it should.
pub(crate) fn state(state: &mut State) -> Result<(), Failure> {
    several(&mut state.condition);
    several(&mut state.detail);
    for (what, text) in [
        ("a reference", &mut state.reference),
        ("the id of a step", &mut state.step_id),
    ] {
        *text = text.take().map(|text| word(what, text)).transpose()?;
    }
    outputs(&state.outputs)
}

pub(crate) fn changes(changes: &mut Vec<Change>) {
    changes.truncate(MOST);
    for change in changes {
        several(&mut change.action);
        several(&mut change.object);
        several(&mut change.reason);
    }
}

pub(crate) fn problems(problems: &mut Vec<Problem>) {
    problems.truncate(MOST);
    for problem in problems {
        several(&mut problem.at);
        several(&mut problem.message);
    }
}

pub(crate) fn description(description: &mut Description) {
    several(&mut description.name);
    several(&mut description.version);
    several(&mut description.summary);
    description.needs.truncate(MOST);
    for need in &mut description.needs {
        several(&mut need.capability);
        several(&mut need.scope);
        several(&mut need.why);
    }
}

fn spelt_out(text: &str, longest: usize, bad: impl Fn(char) -> bool) -> String {
    let mut clean = String::with_capacity(text.len().min(longest));
    for character in text.chars() {
        let before = clean.len();
        if bad(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
        if clean.len() > longest {
            clean.truncate(before);
            clean.push('…');
            return clean;
        }
    }
    clean
}

/// Control characters; marks that change the direction of writing (Unicode Standard Annex 9)
/// or break lines.
pub(crate) fn disturbs(character: char) -> bool {
    match character {
        '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> State {
        State {
            condition: "ready".into(),
            step_id: None,
            reference: None,
            detail: String::new(),
            outputs: Vec::new(),
        }
    }

    /// Found by the fuzzer, which saw them in the answers of a deployer.
    #[test]
    fn what_goes_on_from_a_state_must_be_what_it_is_taken_for() {
        let mut good = ready();
        good.detail = "a\u{9b}b".into();
        state(&mut good).unwrap();
        assert_eq!(good.detail, "a\\u{9b}b");
        let mut bad = ready();
        bad.reference = Some("layout:a\u{1b}[2J".into());
        assert_eq!(state(&mut bad).unwrap_err().code, "plugin.answer");
        bad = ready();
        bad.step_id = Some("x\n".into());
        assert_eq!(state(&mut bad).unwrap_err().code, "plugin.answer");
        for (name, value) in [("url", "a\0b"), ("a b", "x"), ("", "x"), ("u\u{1b}", "x")] {
            bad = ready();
            bad.outputs = vec![Output {
                name: name.into(),
                value: value.into(),
                sensitive: false,
            }];
            let failure = state(&mut bad).unwrap_err();
            assert_eq!(failure.code, "plugin.answer", "{name:?}");
            assert!(!failure.message.contains('\0'));
        }
    }

    #[test]
    fn inputs_of_a_build_can_be_shown() {
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        inputs(&pair("cargo", "1.95.0")).unwrap();
        assert!(inputs(&pair("car\u{202e}go", "1")).is_err());
        assert!(inputs(&pair("cargo", &"1".repeat(LONGEST + 1))).is_err());
        assert!(inputs(&vec![("a".to_owned(), "b".to_owned()); MOST + 1]).is_err());
    }

    #[test]
    fn a_failure_cannot_write_on_the_terminal() {
        let mut one =
            Failure::new("x\u{7}", "two\nlines\u{1b}]0;title\u{7}").hint("\u{202e}txt.exe");
        one.details = vec![("n\r".into(), "x".repeat(LONGEST + 1)); MOST + 1];
        failure(&mut one);
        assert_eq!(one.code, "x\\u{7}");
        assert_eq!(one.message, "two\nlines\\u{1b}]0;title\\u{7}");
        assert_eq!(one.hint.unwrap(), "\\u{202e}txt.exe");
        assert_eq!(one.details.len(), MOST);
        assert_eq!(one.details[0].0, "n\\r");
        assert!(one.details[0].1.len() <= LONGEST + '…'.len_utf8());
    }
}
