//! What the decoder keeps from one call to the next.

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenLine {
    /// No line is open: the next byte starts one.
    None,
    /// It is in the buffer.
    Kept,
    /// It is data, the last in the block.
    Data,
    /// It means nothing.
    Skipped,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lent {
    Nothing,
    Line,
    Block,
}
