//! Numbers of RTCP, for reading and for writing.

pub(super) const VERSION: u8 = 2;
/// In a packet's first byte.
pub(super) const PADDING: u8 = 0x20;
/// In a packet's first byte: how many blocks or sources it has, or the format of feedback.
pub(super) const COUNT: u8 = 0x1f;

pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
pub(super) const SOURCE_DESCRIPTION: u8 = 202;
pub(super) const GOODBYE: u8 = 203;
/// Formats [`NACK`] and [`TRANSPORT_FEEDBACK`].
pub(super) const TRANSPORT_LAYER: u8 = 205;
/// Formats [`PICTURE_LOSS`] and [`FULL_INTRA_REQUEST`].
pub(super) const PAYLOAD_SPECIFIC: u8 = 206;

pub(super) const NACK: u8 = 1;
pub(super) const TRANSPORT_FEEDBACK: u8 = 15;
pub(super) const PICTURE_LOSS: u8 = 1;
pub(super) const FULL_INTRA_REQUEST: u8 = 4;

/// Items of a source description.
pub(super) const END_OF_ITEMS: u8 = 0;
pub(super) const CNAME: u8 = 1;
