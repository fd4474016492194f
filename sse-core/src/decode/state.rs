//! What one call of the decoder leaves to the next.

/// What the next call must deal with before a line can start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carry {
    /// Only this much of a byte order mark has been read.
    StreamStart(ByteOrderMark),
    /// A CR ended the last chunk, so an LF at the start of the next one belongs to it.
    Cr,
    /// The last chunk ended within a line.
    OpenLine(OpenLine),
    /// The block exceeds the limit and is skipped up to its blank line.
    OversizedBlock(Place),
    /// The last frame borrowed this buffer. The next call clears it, since the frame is gone by
    /// then. A CR may have ended the chunk at the same time.
    Lent { buffer: Buffer, after_cr: bool },
}

/// How much of a byte order mark has been read. The third byte completes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrderMark {
    Nothing,
    OneByte,
    TwoBytes,
}

/// What happens to a line that continues in the next chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenLine {
    /// It is kept in the line buffer until it ends.
    Buffered,
    /// It is data, which goes straight to the block.
    Data,
    /// It has no meaning and is skipped.
    Ignored,
}

/// Where in a skipped block the last chunk ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    LineStart,
    AfterCr,
    InLine,
}

/// A buffer of the decoder that a frame can borrow.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Buffer {
    Line,
    Block,
}
