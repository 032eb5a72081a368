//! What a build prints: lines for the log, and what of them explains a failure.

use std::collections::{BTreeSet, VecDeque};

use super::Error;

/// Lines that go with a failure.
const LAST: usize = 20;
/// A line that does not end is cut here, in bytes.
const LONGEST: usize = 16 * 1024;

/// Pieces of work that are told of.
const MOST_VERTEXES: usize = 10_000;

/// Follows the output of one build.
#[derive(Debug, Default)]
pub(super) struct BuildOutput {
    /// What has no line end yet.
    begun: String,
    /// The instruction that is being done.
    step: Option<String>,
    /// What was printed since it began.
    last: VecDeque<String>,
    /// By name, what BuildKit has begun with.
    begun_vertexes: BTreeSet<String>,
}

impl BuildOutput {
    /// Takes what was printed; every line that is complete goes to `print`.
    pub(super) fn take(&mut self, text: &str, print: &mut dyn FnMut(&str)) {
        for piece in text.split_inclusive('\n') {
            self.begun.push_str(piece);
            if piece.ends_with('\n') || self.begun.len() > LONGEST {
                self.end_line(print);
            }
        }
    }

    /// Takes what BuildKit says of one piece of its work.
    pub(super) fn vertex(
        &mut self,
        name: &str,
        has_begun: bool,
        has_failed: bool,
        print: &mut dyn FnMut(&str),
    ) {
        let is_known = self.begun_vertexes.contains(name);
        if has_begun && !is_known && self.begun_vertexes.len() < MOST_VERTEXES {
            self.begun_vertexes.insert(name.to_owned());
            self.take(&format!("{name}\n"), print);
        }
        if has_failed || (has_begun && !is_known) {
            self.step = Some(name.to_owned());
        }
    }

    /// Ends the last line.
    pub(super) fn finish(&mut self, print: &mut dyn FnMut(&str)) {
        if !self.begun.is_empty() {
            self.end_line(print);
        }
    }

    /// What a failure of the build is, as far as the output tells.
    pub(super) fn explain(&self, cause: &str) -> Error {
        let cause = cause.trim().to_owned();
        if let Some(what) = only_buildkit(&cause) {
            let what = what.to_owned();
            return Error::NeedsBuildkit { what };
        }
        match &self.step {
            None => Error::Dockerfile(cause),
            Some(step) => Error::BuildFailed {
                step: step.clone(),
                cause,
                output: self.last.iter().cloned().collect(),
            },
        }
    }

    fn end_line(&mut self, print: &mut dyn FnMut(&str)) {
        let line = std::mem::take(&mut self.begun);
        let line = line.trim_end_matches(['\n', '\r']);
        if line.is_empty() {
            return;
        }
        print(line);
        if let Some(step) = instruction(line) {
            self.step = Some(step.to_owned());
            self.last.clear();
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }
}

/// `Step 2/5 : RUN make`, as the classic builder announces an instruction.
fn instruction(line: &str) -> Option<&str> {
    let (place, _) = line.strip_prefix("Step ")?.split_once(" : ")?;
    let (number, total) = place.split_once('/')?;
    let is_number = |text: &str| text.parse::<u32>().is_ok();
    (is_number(number) && is_number(total)).then_some(line)
}

/// What the classic builder says of options that it does not have.
pub(super) fn only_buildkit(cause: &str) -> Option<&str> {
    let lower = cause.to_lowercase();
    let says_so = lower.contains("requires buildkit") || lower.contains("buildkit is enabled");
    says_so.then(|| match cause.split_once(" requires ") {
        Some((what, _)) => what,
        None => "what its Dockerfile asks for",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(pieces: &[&str]) -> (BuildOutput, Vec<String>) {
        let mut output = BuildOutput::default();
        let mut lines = Vec::new();
        let mut print = |line: &str| lines.push(line.to_owned());
        for piece in pieces {
            output.take(piece, &mut print);
        }
        output.finish(&mut print);
        (output, lines)
    }

    #[test]
    fn lines_are_whole_and_the_failing_instruction_is_known_with_what_it_printed() {
        let pieces = [
            "Step 1/2 : FROM scratch\n",
            " ---> \nStep 2/2 :",
            " RUN make\nno",
            " rule\nlast",
        ];
        let (output, lines) = follow(&pieces);
        let expected = [
            "Step 1/2 : FROM scratch",
            " ---> ",
            "Step 2/2 : RUN make",
            "no rule",
            "last",
        ];
        assert_eq!(lines, expected);
        match output.explain("returned a non-zero code: 2\n") {
            Error::BuildFailed {
                step,
                cause,
                output,
            } => {
                assert_eq!(step, "Step 2/2 : RUN make");
                assert_eq!(cause, "returned a non-zero code: 2");
                assert_eq!(output, ["no rule", "last"]);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_only_buildkit_can_do_and_a_file_that_is_not_understood_are_told_apart() {
        let (output, _) = follow(&[]);
        let error = output.explain("the --mount option requires BuildKit. Refer to …");
        assert_eq!(error.code(), "docker.needs-buildkit");
        assert!(
            error.to_string().starts_with("the --mount option can only"),
            "{error}"
        );
        assert_eq!(
            output.explain("parse error").code(),
            "docker.dockerfile-invalid"
        );
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let long = "x".repeat(40 * 1024);
        let (output, lines) = follow(&["Step 1/1 : RUN y\n", &"a\n".repeat(100), &long]);
        assert!(output.last.len() == LAST && lines.len() == 102);
        assert!(output.begun.is_empty());
    }
}
