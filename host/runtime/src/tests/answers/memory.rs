//! Answers as they lie in a guest's memory, by the canonical ABI of the component model: a
//! record first, the texts and lists that it points to behind it.

/// Where an answer begins.
pub(super) const START: u32 = 1024;

/// A piece of memory that begins at [`START`].
#[derive(Default)]
pub(super) struct Memory {
    /// The record.
    words: Vec<u32>,
    /// How long the record will be.
    size: u32,
    /// What it points to.
    behind: Vec<u8>,
    /// Used instead of all that.
    raw: Option<Vec<u8>>,
}

impl Memory {
    /// For a record of so many words.
    fn new(words: u32) -> Self {
        Self {
            size: words * 4,
            ..Self::default()
        }
    }

    /// These bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            raw: Some(bytes.to_vec()),
            ..Self::default()
        }
    }

    fn word(mut self, word: u32) -> Self {
        self.words.push(word);
        self
    }

    fn text(self, text: &str) -> Self {
        let (at, length) = (self.end(), text.len() as u32);
        let mut memory = self.word(at).word(length);
        memory.behind.extend(text.as_bytes());
        memory
    }

    fn some(self, text: &str) -> Self {
        self.word(1).text(text)
    }

    /// A list of records of texts and numbers.
    fn list(mut self, items: &[&[Part<'_>]]) -> Self {
        // Lists lie on borders of words.
        let length = self.behind.len().next_multiple_of(4);
        self.behind.resize(length, 0);
        let at = self.end();
        let size: usize = items.iter().flat_map(|parts| *parts).map(Part::size).sum();
        let mut texts_at = at + size as u32;
        let (mut records, mut texts) = (Vec::new(), Vec::<u8>::new());
        for part in items.iter().flat_map(|parts| *parts) {
            match part {
                Part::Text(text) => {
                    records.extend(texts_at.to_le_bytes());
                    records.extend((text.len() as u32).to_le_bytes());
                    texts.extend(text.as_bytes());
                    texts_at += text.len() as u32;
                }
                Part::Word(word) => records.extend(word.to_le_bytes()),
            }
        }
        self.behind.extend(records);
        self.behind.extend(texts);
        self.word(at).word(items.len() as u32)
    }

    fn end(&self) -> u32 {
        START + self.size + self.behind.len() as u32
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        assert_eq!(
            self.words.len() as u32 * 4,
            self.size,
            "a record of another size"
        );
        let words = self.words.iter().flat_map(|word| word.to_le_bytes());
        words.chain(self.behind.iter().copied()).collect()
    }

    /// As WebAssembly text writes data.
    pub(super) fn escaped(&self) -> String {
        self.bytes()
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect()
    }

    /// What a good plugin says about itself.
    pub(super) fn description() -> Self {
        Self::new(10)
            .text("answers")
            .text("1.0.0")
            .text("Answers with anything.")
            .list(&[&[
                Part::Text("images"),
                Part::Text(""),
                Part::Text("to make one"),
            ]])
            .text(r#"{"type": "object", "description": "any"}"#)
    }
}

enum Part<'a> {
    Text(&'a str),
    Word(u32),
}

impl Part<'_> {
    fn size(&self) -> usize {
        match self {
            Self::Text(_) => 8,
            Self::Word(_) => 4,
        }
    }
}

/// A state, behind the tag that says that all went well.
fn state() -> Memory {
    Memory::new(13)
        .word(0)
        .text("ready")
        .some("test-1/api/deploy")
        .some("layout:a@sha256:0")
        .text("serves")
        .list(&[
            &[Part::Text("url"), Part::Text("http://x"), Part::Word(0)],
            &[
                Part::Text("token"),
                Part::Text("hunter2-hunter2"),
                Part::Word(1),
            ],
        ])
}

fn failure() -> Memory {
    Memory::new(12)
        .word(1)
        .text("process.exited")
        .text("it ended with exit code 3")
        .some("look at its log")
        .word(2)
        .word(500)
        .list(&[&[Part::Text("exit code"), Part::Text("3")]])
}

/// A state that is `ready`.
pub(super) fn ready() -> Vec<u8> {
    state().bytes()
}

/// Good answers to every function: its number, then what it answers with.
pub(super) fn answers() -> Vec<Vec<u8>> {
    let inputs = [Part::Text("cargo"), Part::Text("1.95.0")];
    let change = [
        Part::Text("create"),
        Part::Text("db"),
        Part::Text("new"),
        Part::Word(1),
    ];
    let problem = [Part::Text("/steps"), Part::Text("are empty")];
    let mut answers = vec![
        (0, Memory::new(3).word(0).list(&[&inputs, &inputs])),
        (1, Memory::new(2).word(0).word(1)),
        (2, Memory::new(4).word(0).some("layout:a@sha256:0")),
        (3, Memory::new(3).word(0).text("127.0.0.1")),
        (4, Memory::new(3).word(0).list(&[&change, &change])),
        (5, Memory::new(1).word(0)),
        (6, Memory::new(2).list(&[&problem])),
    ];
    answers.extend((7..=12).map(|function| (function, state())));
    answers.extend([0, 2, 4, 5, 11].map(|function| (function, failure())));
    let numbered = answers.into_iter().map(|(function, memory)| {
        let mut bytes = vec![function];
        bytes.extend(memory.bytes());
        bytes
    });
    numbered.collect()
}
