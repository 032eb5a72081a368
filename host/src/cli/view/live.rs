//! The live view of a terminal: what has ended scrolls by as plain lines, below it a picture
//! of what runs and waits is drawn again and again.

use std::io::{Write, stdout};

use anyhow::Result;
use crossterm::cursor::{MoveToColumn, MoveUp};
use crossterm::terminal::{Clear, ClearType, size};
use crossterm::{QueueableCommand, style};

use super::lines::Lines;
use super::picture::Picture;
use super::{Scene, Update, View};

/// A terminal that does not tell its size is taken for one of these columns and rows.
const SIZE: (u16, u16) = (80, 24);

/// Draws on a terminal.
#[derive(Default)]
pub(crate) struct Live {
    lines: Lines,
    picture: Picture,
    /// Lines that were printed since the picture was last drawn.
    above: Vec<String>,
    /// How many rows the picture has on the screen.
    drawn: u16,
}

impl View for Live {
    fn show(&mut self, scene: &Scene<'_>, update: &Update) -> Result<()> {
        self.picture.note(scene, update);
        if let Update::Fact { .. } = update {
            self.above.extend(self.lines.describe(scene, update));
        }
        Ok(())
    }

    fn draw(&mut self, scene: &Scene<'_>) -> Result<()> {
        let (columns, rows) = size().unwrap_or(SIZE);
        let picture = self
            .picture
            .draw(scene, columns.into(), rows.saturating_sub(1).into());
        let mut out = stdout().lock();
        self.erase(&mut out)?;
        for line in self.above.drain(..) {
            out.queue(style::Print(line))?.queue(style::Print("\r\n"))?;
        }
        for line in &picture {
            out.queue(style::Print(line))?.queue(style::Print("\r\n"))?;
        }
        self.drawn = u16::try_from(picture.len()).unwrap_or(u16::MAX);
        out.flush()?;
        Ok(())
    }

    fn is_moving(&self) -> bool {
        true
    }

    fn finish(&mut self, scene: &Scene<'_>) -> Result<()> {
        let mut out = stdout().lock();
        self.erase(&mut out)?;
        for line in self.above.drain(..).chain(self.lines.summary(scene)) {
            out.queue(style::Print(line))?.queue(style::Print("\r\n"))?;
        }
        out.flush()?;
        Ok(())
    }
}

impl Live {
    fn erase(&mut self, out: &mut impl Write) -> Result<()> {
        if self.drawn > 0 {
            out.queue(MoveUp(self.drawn))?;
        }
        out.queue(MoveToColumn(0))?
            .queue(Clear(ClearType::FromCursorDown))?;
        self.drawn = 0;
        Ok(())
    }
}
