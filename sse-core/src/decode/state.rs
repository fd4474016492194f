//! What a call of the decoder leaves to the next one.

/// What the next call has to deal with before a line can start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Carry {
    /// Nothing has been read but this much of a byte order mark.
    StreamStart(ByteOrderMark),
    /// A CR ended the last chunk, so an LF at the start of the next one belongs to it.
    Cr,
    /// The last chunk ended within a line.
    OpenLine(OpenLine),
    /// The block exceeds the limit and is skipped up to its blank line.
    OversizedBlock(Place),
    /// The last frame borrowed this buffer, which is to be cleared now that the frame is gone. A CR
    /// may have ended the chunk at the same time.
    Lent { buffer: Buffer, after_cr: bool },
}

/// How much of a byte order mark has been read. The third byte completes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrderMark {
    Nothing,
    OneByte,
    TwoBytes,
}

/// What happens to a line that goes on in the next chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenLine {
    /// It is kept in the line buffer until it ends.
    Buffered,
    /// It is data, which goes straight to the block.
    Data,
    /// It means nothing and is skipped.
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
