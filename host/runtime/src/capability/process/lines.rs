//! Bytes into lines for people: of bounded length, and valid text whatever was printed.

/// The longest line, in bytes; a longer one goes on in the next.
pub(super) const MAX_LINE: usize = 8 * 1024;

/// The beginning of a line that has not ended yet.
#[derive(Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes bytes, and hands out the lines that they end.
    pub(super) fn take(&mut self, mut bytes: &[u8], out: &mut dyn FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            self.add(line, out);
            self.end(out);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.add(bytes, out);
    }

    /// Hands out what was left without a line end.
    pub(super) fn finish(mut self, out: &mut dyn FnMut(&str)) {
        if !self.begun.is_empty() {
            self.end(out);
        }
    }

    fn add(&mut self, mut bytes: &[u8], out: &mut dyn FnMut(&str)) {
        while self.begun.len() + bytes.len() > MAX_LINE {
            let (fits, rest) = bytes.split_at(MAX_LINE.saturating_sub(self.begun.len()));
            self.begun.extend_from_slice(fits);
            self.end(out);
            bytes = rest;
        }
        self.begun.extend_from_slice(bytes);
    }

    fn end(&mut self, out: &mut dyn FnMut(&str)) {
        let line = self.begun.strip_suffix(b"\r").unwrap_or(&self.begun);
        out(&String::from_utf8_lossy(line));
        self.begun.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in pieces {
            lines.take(piece, &mut |line| out.push(line.to_owned()));
        }
        lines.finish(&mut |line| out.push(line.to_owned()));
        out
    }

    #[test]
    fn lines_come_out_whole_however_they_arrive() {
        assert_eq!(split(&[b"a", b"b\r\n\nc\n", b"d"]), ["ab", "", "c", "d"]);
        assert_eq!(split(&[b"a\n"]), ["a"]);
        assert!(split(&[]).is_empty());
    }

    #[test]
    fn long_lines_are_cut_and_bad_bytes_replaced() {
        let long = vec![b'x'; 2 * MAX_LINE + 5];
        let lengths: Vec<_> = split(&[&long]).iter().map(String::len).collect();
        assert_eq!(lengths, [MAX_LINE, MAX_LINE, 5]);
        assert_eq!(split(&[b"\xff\n"]), ["\u{fffd}"]);
    }
}
