//! Short `Debug` output for long byte strings.

use core::fmt;

/// Shows at most the first hundred bytes, as text with escapes, and says how many there are if
/// there are more.
pub(crate) struct Preview<'a>(pub(crate) &'a [u8]);

impl fmt::Debug for Preview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 100;

        write!(f, "\"")?;
        for chunk in self.0[..self.0.len().min(SHOWN)].utf8_chunks() {
            write!(f, "{}{}", chunk.valid().escape_debug(), chunk.invalid().escape_ascii())?;
        }
        write!(f, "\"")?;
        if self.0.len() > SHOWN {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}
