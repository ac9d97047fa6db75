//! Header extensions (RFC 8285): read by id, and written again under another session's ids.

/// A header extension URI as Python numbers it: the same number for the same URI in every session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtensionNumber(pub u16);

impl ExtensionNumber {
    /// `urn:ietf:params:rtp-hdrext:sdes:mid`.
    pub const MID: Self = Self(0);
    /// `urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id`.
    pub const RID: Self = Self(1);
    /// `urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id`.
    pub const REPAIRED_RID: Self = Self(2);
    /// `http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01`.
    pub const TRANSPORT_CC: Self = Self(3);
    /// `http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time`.
    pub const ABS_SEND_TIME: Self = Self(4);
    /// `https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension`.
    pub const DEPENDENCY_DESCRIPTOR: Self = Self(7);

    /// Whether its value means something on one leg only, and is never forwarded.
    pub fn is_ours(self) -> bool {
        self <= Self::ABS_SEND_TIME
    }
}

/// How many extensions of a session count; those that come later in its description are ignored.
pub const MAX_EXTENSIONS: usize = 64;

/// The ids of one session's header extensions (RFC 8285 §5). Sessions that negotiated the same have
/// equal maps, whatever the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExtensionMap {
    /// Sorted by id; no id repeats.
    entries: Vec<(u8, ExtensionNumber)>,
}

impl ExtensionMap {
    /// Of an id that repeats, the first counts. Id 0 is padding and names nothing.
    pub fn new(extensions: &[(u8, ExtensionNumber)]) -> Self {
        let mut map = Self::default();
        for &(id, number) in extensions {
            if id != 0 && map.number(id).is_none() && map.entries.len() < MAX_EXTENSIONS {
                map.entries.push((id, number));
            }
        }
        map.entries.sort_unstable();
        map
    }

    /// What an id of the session stands for.
    pub fn number(&self, id: u8) -> Option<ExtensionNumber> {
        let entry = self.entries.iter().find(|entry| entry.0 == id)?;
        Some(entry.1)
    }

    /// The session's id for an extension, the lowest of several; `None` where it was not negotiated.
    pub fn id(&self, number: ExtensionNumber) -> Option<u8> {
        let entry = self.entries.iter().find(|entry| entry.1 == number)?;
        Some(entry.0)
    }
}

/// The two forms of a block (RFC 8285 §4.2, §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Ids 1–14, values of 1–16 bytes.
    OneByte,
    /// Ids 1–255, values of 0–255 bytes.
    TwoByte,
}

impl Form {
    /// The shortest that has room for an element.
    const fn of(id: u8, value: &[u8]) -> Self {
        match (id, value.len()) {
            (1..=14, 1..=16) => Self::OneByte,
            _ => Self::TwoByte,
        }
    }

    /// The bytes before a value.
    const fn head(self) -> usize {
        match self {
            Self::OneByte => 1,
            Self::TwoByte => 2,
        }
    }
}

/// The extensions of a received packet, unread. The default has none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block<'a> {
    form: Option<Form>,
    elements: &'a [u8],
}

impl<'a> Block<'a> {
    /// `profile` is the word that says how `elements`, all behind the length, are to be read
    /// (RFC 3550 §5.3.1). A profile that is not RFC 8285's has no elements.
    pub fn new(profile: u16, elements: &'a [u8]) -> Self {
        let form = match profile {
            ONE_BYTE => Some(Form::OneByte),
            _ if profile & !APPBITS == TWO_BYTE => Some(Form::TwoByte),
            _ => None,
        };
        Self { form, elements }
    }

    /// The elements in their order, up to the first one that does not fit the block, and at most
    /// [`MAX_ELEMENTS`].
    pub fn iter(self) -> Elements<'a> {
        Elements {
            block: self,
            left: MAX_ELEMENTS,
        }
    }

    /// The value of an id; of several, the first.
    pub fn get(self, id: u8) -> Option<&'a [u8]> {
        let element = self.iter().find(|element| element.id == id)?;
        Some(element.value)
    }
}

impl<'a> IntoIterator for Block<'a> {
    type Item = Element<'a>;
    type IntoIter = Elements<'a>;

    fn into_iter(self) -> Elements<'a> {
        self.iter()
    }
}

/// One extension of a received packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// As its sender's session numbers it; never 0.
    pub id: u8,
    /// 0–255 bytes.
    pub value: &'a [u8],
}

/// Elements of one packet that are read. No sender has more: each one is looked up for every map of
/// subscribers.
pub const MAX_ELEMENTS: usize = 32;

/// Elements of one packet that are passed on: with the three of our own it is still read whole.
pub const MAX_FORWARDED: usize = MAX_ELEMENTS - 3;

/// Reads a block from its start.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    block: Block<'a>,
    left: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let form = self.block.form?;
        self.left = self.left.checked_sub(1)?;
        let padding = self.block.elements.iter().take_while(|byte| **byte == 0);
        let elements = &self.block.elements[padding.count()..];
        self.block.elements = &[];
        let (id, len) = match form {
            Form::OneByte => {
                let first = *elements.first()?;
                (first >> 4, usize::from(first & 0x0f) + 1)
            }
            Form::TwoByte => (*elements.first()?, usize::from(*elements.get(1)?)),
        };
        // RFC 8285 §4.2: id 15 ends the block; id 0 with a length is not defined.
        if form == Form::OneByte && matches!(id, 0 | 15) {
            return None;
        }
        let value = elements.get(form.head()..form.head() + len)?;
        self.block.elements = &elements[form.head() + len..];
        Some(Element { id, value })
    }
}

/// The most bytes of a block that we write. Values that do not fit are left out.
pub const MAX_BLOCK: usize = 512;

/// A block of extensions as a subscriber gets it: made once for all subscribers with equal maps, then
/// copied behind each one's header and patched there.
#[derive(Clone)]
pub struct Outgoing {
    bytes: [u8; MAX_BLOCK],
    len: usize,
    transport_cc: Option<usize>,
    abs_send_time: Option<usize>,
    frame_number: Option<usize>,
}

impl Outgoing {
    /// A block without extensions.
    pub const fn new() -> Self {
        Self {
            bytes: [0; MAX_BLOCK],
            len: 0,
            transport_cc: None,
            abs_send_time: None,
            frame_number: None,
        }
    }

    /// Writes the block again: room for our transport-wide sequence number and abs-send-time where
    /// `to` has them, `mid` where it is given and `to` has it, then every value of `source` that
    /// [is not ours](ExtensionNumber::is_ours), that `from` names and `to` has too, in its order.
    ///
    /// The form is the shorter one unless an id or a value needs the longer (RFC 8285 §4.1.2): both
    /// may come, as `a=extmap-allow-mixed` says.
    pub fn rewrite(
        &mut self,
        source: Block<'_>,
        from: &ExtensionMap,
        to: &ExtensionMap,
        mid: Option<&[u8]>,
    ) {
        let ours = |number, value| Some((to.id(number)?, value));
        let transport_cc = ours(ExtensionNumber::TRANSPORT_CC, &[0; 2][..]);
        let abs_send_time = ours(ExtensionNumber::ABS_SEND_TIME, &[0; 3][..]);
        let mid = mid.and_then(|mid| ours(ExtensionNumber::MID, mid));
        let forwarded = source.iter().filter_map(|element| {
            let number = from.number(element.id).filter(|number| !number.is_ours())?;
            Some((to.id(number)?, element.value))
        });
        let forwarded = forwarded.take(MAX_FORWARDED);
        let mut all = [transport_cc, abs_send_time, mid]
            .into_iter()
            .flatten()
            .chain(forwarded.clone());
        let form = if all.any(|(id, value)| Form::of(id, value) == Form::TwoByte) {
            Form::TwoByte
        } else {
            Form::OneByte
        };
        self.len = BLOCK_HEADER;
        self.transport_cc = transport_cc.and_then(|(id, value)| self.push(form, id, value));
        self.abs_send_time = abs_send_time.and_then(|(id, value)| self.push(form, id, value));
        if let Some((id, value)) = mid {
            self.push(form, id, value);
        }
        let descriptor = to.id(ExtensionNumber::DEPENDENCY_DESCRIPTOR);
        self.frame_number = None;
        for (id, value) in forwarded {
            let start = self.push(form, id, value);
            if Some(id) == descriptor && value.len() >= FRAME_NUMBER.end {
                self.frame_number = start.map(|start| start + FRAME_NUMBER.start);
            }
        }
        self.close(form);
    }

    /// Appends a value if it fits, and says where it begins.
    fn push(&mut self, form: Form, id: u8, value: &[u8]) -> Option<usize> {
        let start = self.len + form.head();
        let place = self.bytes.get_mut(start..start + value.len())?;
        place.copy_from_slice(value);
        match form {
            // Of 1–16 bytes, under an id of 1–14: the form was chosen for that.
            Form::OneByte => self.bytes[self.len] = id << 4 | (value.len() - 1) as u8,
            Form::TwoByte => {
                self.bytes[self.len] = id;
                self.bytes[self.len + 1] = u8::try_from(value.len()).ok()?;
            }
        }
        self.len = start + value.len();
        Some(start)
    }

    /// Pads to whole words and writes the header; a block of nothing is left out.
    fn close(&mut self, form: Form) {
        if self.len == BLOCK_HEADER {
            self.len = 0;
            return;
        }
        let end = self.len.next_multiple_of(4);
        self.bytes[self.len..end].fill(0);
        self.len = end;
        let profile = match form {
            Form::OneByte => ONE_BYTE,
            Form::TwoByte => TWO_BYTE,
        };
        let words = ((end - BLOCK_HEADER) / 4) as u16;
        self.bytes[..2].copy_from_slice(&profile.to_be_bytes());
        self.bytes[2..4].copy_from_slice(&words.to_be_bytes());
    }

    /// The whole block, its own four bytes of header included; empty where there is no extension.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Where in the block our transport-wide sequence number goes: two bytes, big endian.
    pub fn transport_cc(&self) -> Option<usize> {
        self.transport_cc
    }

    /// Where in the block the time of sending goes: three bytes, see [`abs_send_time`].
    pub fn abs_send_time(&self) -> Option<usize> {
        self.abs_send_time
    }

    /// Where in the block the number of the packet's frame stands, see [`frame_number`].
    pub fn frame_number(&self) -> Option<usize> {
        self.frame_number
    }
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::new()
    }
}

/// The number of the packet's frame in its stream, where a dependency descriptor says it: two bytes, big
/// endian, behind the first one (AV1 RTP specification, appendix A.8.3).
pub fn frame_number(source: Block<'_>, from: &ExtensionMap) -> Option<u16> {
    let value = source.get(from.id(ExtensionNumber::DEPENDENCY_DESCRIPTOR)?)?;
    let number = value.get(FRAME_NUMBER)?;
    Some(u16::from_be_bytes([number[0], number[1]]))
}

/// In the value of a dependency descriptor.
const FRAME_NUMBER: std::ops::Range<usize> = 1..3;

/// The value of abs-send-time: seconds modulo 64 with 18 bits of fraction. `time` counts from any
/// fixed moment.
pub fn abs_send_time(time: std::time::Duration) -> [u8; 3] {
    let fraction = (u64::from(time.subsec_nanos()) << 18) / 1_000_000_000;
    let [.., high, middle, low] = (time.as_secs() << 18 | fraction).to_be_bytes();
    [high, middle, low]
}

/// Form and length, in front of a block's elements.
const BLOCK_HEADER: usize = 4;
const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
const APPBITS: u16 = 0x000f;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::hex::hex;

    const LEVEL: ExtensionNumber = ExtensionNumber(5);
    const ORIENTATION: ExtensionNumber = ExtensionNumber(6);
    const DESCRIPTOR: ExtensionNumber = ExtensionNumber::DEPENDENCY_DESCRIPTOR;

    fn elements(block: Block<'_>) -> Vec<(u8, &[u8])> {
        let pairs = block.iter().map(|element| (element.id, element.value));
        pairs.collect()
    }

    /// What an [`Outgoing`] says, read as its receiver does.
    fn written(outgoing: &Outgoing) -> Block<'_> {
        match outgoing.bytes() {
            [] => Block::default(),
            bytes => {
                let words = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                assert_eq!(bytes.len(), 4 + 4 * words);
                Block::new(u16::from_be_bytes([bytes[0], bytes[1]]), &bytes[4..])
            }
        }
    }

    /// RFC 8285 §4.2: three elements, padding between them.
    #[test]
    fn the_one_byte_form_is_read() {
        let bytes = hex("10aa 2122bb00 0033ccdd eeff0000");
        let block = Block::new(0xbede, &bytes);
        let expected = [
            (1, &[0xaa][..]),
            (2, &[0x22, 0xbb]),
            (3, &[0xcc, 0xdd, 0xee, 0xff]),
        ];
        assert_eq!(elements(block), expected);
        assert_eq!(block.get(2), Some(&[0x22, 0xbb][..]));
        assert_eq!(block.get(4), None);
    }

    /// RFC 8285 §4.3: an empty value, one of one byte, padding, one of four.
    #[test]
    fn the_two_byte_form_is_read() {
        let bytes = hex("0100 0201aa00 c804bbcc ddee");
        for profile in [0x1000, 0x100f] {
            let expected = [(1, &[][..]), (2, &[0xaa]), (200, &[0xbb, 0xcc, 0xdd, 0xee])];
            assert_eq!(elements(Block::new(profile, &bytes)), expected);
        }
    }

    #[test]
    fn reading_ends_at_what_does_not_fit() {
        for (profile, bytes) in [
            (0xbede, "10aa 23bb"),
            (0xbede, "10aa f0bb 20cc"),
            (0xbede, "10aa 01bb 20cc"),
            (0x1000, "0101aa 0202bb"),
            (0x1000, "0101aa 02"),
        ] {
            let bytes = hex(bytes);
            let block = Block::new(profile, &bytes);
            assert_eq!(
                elements(block),
                [(1, &[0xaa][..])],
                "{profile:x} {bytes:x?}"
            );
        }
    }

    /// A packet has room for seven hundred without a value.
    #[test]
    fn a_packet_has_few_elements() {
        let many = [2, 0].repeat(700);
        let block = Block::new(0x1000, &many);
        assert_eq!(block.iter().count(), MAX_ELEMENTS);
        assert_eq!(block.get(3), None);
    }

    #[test]
    fn another_profile_has_no_elements() {
        let bytes = hex("10aa0000");
        assert_eq!(elements(Block::new(0xabac, &bytes)), []);
    }

    #[test]
    fn maps_are_equal_whatever_their_order() {
        let map = ExtensionMap::new(&[(3, LEVEL), (1, ExtensionNumber::MID)]);
        assert_eq!(
            map,
            ExtensionMap::new(&[(1, ExtensionNumber::MID), (3, LEVEL)])
        );
        assert_eq!(map.number(3), Some(LEVEL));
        assert_eq!(map.id(ExtensionNumber::MID), Some(1));
        assert_eq!(map.id(ORIENTATION), None);
    }

    /// Sections may number the same extension differently.
    #[test]
    fn an_extension_may_have_several_ids() {
        let map = ExtensionMap::new(&[(9, LEVEL), (3, LEVEL)]);
        assert_eq!((map.number(3), map.number(9)), (Some(LEVEL), Some(LEVEL)));
        assert_eq!(map.id(LEVEL), Some(3));
    }

    #[test]
    fn what_repeats_in_a_map_is_ignored() {
        let map = ExtensionMap::new(&[(0, DESCRIPTOR), (3, LEVEL), (3, ORIENTATION)]);
        assert_eq!(map, ExtensionMap::new(&[(3, LEVEL)]));
        let many: Vec<_> = (1..=255)
            .map(|id| (id, ExtensionNumber(id.into())))
            .collect();
        assert_eq!(
            ExtensionMap::new(&many),
            ExtensionMap::new(&many[..MAX_EXTENSIONS])
        );
    }

    #[test]
    fn values_are_forwarded_under_the_subscribers_ids() {
        let from = ExtensionMap::new(&[
            (1, LEVEL),
            (2, ExtensionNumber::ABS_SEND_TIME),
            (3, ExtensionNumber::TRANSPORT_CC),
            (4, ExtensionNumber::MID),
            (5, ORIENTATION),
            (6, DESCRIPTOR),
        ]);
        let to = ExtensionMap::new(&[
            (7, ExtensionNumber::MID),
            (8, ExtensionNumber::TRANSPORT_CC),
            (9, ExtensionNumber::ABS_SEND_TIME),
            (10, DESCRIPTOR),
            (11, LEVEL),
        ]);
        let source = hex("1042 22010203 310001 4030 5002 62aabbcc 7077");
        let mut outgoing = Outgoing::new();
        outgoing.rewrite(Block::new(0xbede, &source), &from, &to, Some(b"m1"));
        let (transport_cc, abs_send_time) = (
            outgoing.transport_cc().unwrap(),
            outgoing.abs_send_time().unwrap(),
        );
        let mut block = outgoing.bytes().to_vec();
        block[transport_cc..][..2].copy_from_slice(&0x1234_u16.to_be_bytes());
        block[abs_send_time..][..3].copy_from_slice(&[4, 5, 6]);
        let expected = [
            (8, &[0x12, 0x34][..]),
            (9, &[4, 5, 6]),
            (7, b"m1"),
            (11, &[0x42]),
            (10, &[0xaa, 0xbb, 0xcc]),
        ];
        assert_eq!(block.len() % 4, 0);
        assert_eq!(elements(Block::new(0xbede, &block[4..])), expected);
    }

    #[test]
    fn the_number_of_a_frame_is_found_on_either_leg() {
        let from = ExtensionMap::new(&[(1, LEVEL), (6, DESCRIPTOR)]);
        let to = ExtensionMap::new(&[(3, LEVEL), (10, DESCRIPTOR)]);
        let numbers = |source: &str| {
            let source = hex(source);
            let source = Block::new(0xbede, &source);
            let mut outgoing = Outgoing::new();
            outgoing.rewrite(source, &from, &to, None);
            let at = outgoing.frame_number();
            let written =
                at.map(|at| u16::from_be_bytes([outgoing.bytes[at], outgoing.bytes[at + 1]]));
            (frame_number(source, &from), written)
        };
        assert_eq!(numbers("1042 64aa1234ddee"), (Some(0x1234), Some(0x1234)));
        assert_eq!(numbers("61aabb 1042"), (None, None));
        assert_eq!(numbers("1042"), (None, None));
    }

    #[test]
    fn the_longer_form_is_written_where_it_is_needed() {
        let map = ExtensionMap::new(&[(1, LEVEL), (15, ORIENTATION)]);
        let to = ExtensionMap::new(&[(15, LEVEL), (1, ORIENTATION)]);
        for (source, two_byte) in [
            ("0101aa", true),                                 // an id of 15
            ("0f01aa", false),                                // an id of 1
            ("0f00", true),                                   // an empty value
            ("0f10000102030405060708090a0b0c0d0e0f", false),  // 16 bytes
            ("0f11000102030405060708090a0b0c0d0e0f10", true), // 17 bytes
        ] {
            let source = hex(source);
            let mut outgoing = Outgoing::new();
            outgoing.rewrite(Block::new(0x1000, &source), &map, &to, None);
            assert_eq!(outgoing.bytes()[0] == 0x10, two_byte, "{source:x?}");
            let (before, after) = (Block::new(0x1000, &source), written(&outgoing));
            let values =
                |block: Block<'_>| block.iter().map(|e| e.value.to_vec()).collect::<Vec<_>>();
            assert_eq!(values(before), values(after));
        }
    }

    #[test]
    fn a_block_of_nothing_is_empty() {
        let mut outgoing = Outgoing::new();
        let (from, source) = (ExtensionMap::new(&[(1, LEVEL)]), hex("1042"));
        let to = ExtensionMap::new(&[(2, ExtensionNumber::TRANSPORT_CC)]);
        outgoing.rewrite(Block::new(0xbede, &source), &from, &to, None);
        assert_eq!(outgoing.bytes().len(), 8);
        outgoing.rewrite(
            Block::new(0xbede, &source),
            &from,
            &ExtensionMap::default(),
            Some(b"0"),
        );
        assert_eq!(outgoing.bytes(), []);
        assert_eq!(outgoing.transport_cc(), None);
    }

    #[test]
    fn values_beyond_the_block_are_left_out() {
        let map = ExtensionMap::new(&[(1, LEVEL), (2, ORIENTATION), (3, DESCRIPTOR)]);
        let value = |id: u8, len: u8| [&[id, len][..], &vec![id; len.into()]].concat();
        let source = [value(1, 255), value(2, 255), value(3, 100)].concat();
        let mut outgoing = Outgoing::new();
        outgoing.rewrite(Block::new(0x1000, &source), &map, &map, None);
        let ids: Vec<_> = written(&outgoing)
            .iter()
            .map(|element| element.id)
            .collect();
        assert_eq!(ids, [1, 3]);
    }

    #[test]
    fn the_time_of_sending_has_eighteen_bits_of_fraction() {
        assert_eq!(abs_send_time(Duration::from_millis(1500)), [0x06, 0, 0]);
        assert_eq!(abs_send_time(Duration::from_secs(64)), [0, 0, 0]);
        assert_eq!(abs_send_time(Duration::from_secs(63)), [0xfc, 0, 0]);
    }
}
