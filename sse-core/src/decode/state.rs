//! What one call of the decoder leaves to the next.

/// What the next call deals with before it reads lines. Without any of it, a line starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carry {
    /// Nothing has come yet but this much of a byte order mark.
    StreamStart(ByteOrderMark),
    /// A CR ended the last chunk, so an LF at the start of the next one belongs to it.
    Cr,
    /// The last chunk ended within a line.
    OpenLine(OpenLine),
    /// The block exceeds the limit and is skipped up to its blank line.
    OversizedBlock(Place),
    /// The last frame borrowed this buffer, which is cleared now that the frame is gone.
    Lent { buffer: Buffer, after_cr: bool },
}

/// How much of a byte order mark has come; the third byte completes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrderMark {
    Nothing,
    OneByte,
    TwoBytes,
}

/// What happens to a line that goes on in the next chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenLine {
    /// It stays in the line buffer until it ends.
    Buffered,
    /// It is data, which goes straight to the block.
    Data,
    /// It means nothing and is skipped.
    Ignored,
}

/// Where in a block the last chunk ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    LineStart,
    AfterCr,
    InLine,
}

/// What a frame can borrow from the decoder, besides the last event ID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Buffer {
    Line,
    Block,
}
