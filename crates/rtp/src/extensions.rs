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
    /// Sorted by id; neither ids nor numbers repeat.
    entries: Vec<(u8, ExtensionNumber)>,
}

impl ExtensionMap {
    /// Of an id or a number that repeats, the first counts. Id 0 is padding and names nothing.
    pub fn new(extensions: &[(u8, ExtensionNumber)]) -> Self {
        let mut map = Self::default();
        for &(id, number) in extensions {
            let known = map.number(id).is_some() || map.id(number).is_some();
            if id != 0 && !known && map.entries.len() < MAX_EXTENSIONS {
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

    /// The session's id for an extension; `None` where it was not negotiated.
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

    /// The elements in their order, up to the first one that does not fit the block.
    pub fn iter(self) -> Elements<'a> {
        Elements { block: self }
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

/// Reads a block from its start.
#[derive(Clone, Copy, Debug)]
pub struct Elements<'a> {
    block: Block<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let form = self.block.form?;
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
}

impl Outgoing {
    /// A block without extensions.
    pub const fn new() -> Self {
        Self {
            bytes: [0; MAX_BLOCK],
            len: 0,
            transport_cc: None,
            abs_send_time: None,
        }
    }

    /// Writes the block again: room for our transport-wide sequence number and abs-send-time where
    /// `to` has them, `mid` where it is given and `to` has it, then every value of `source` that
    /// [is not ours](ExtensionNumber::is_ours), that `from` names and `to` has too, in its order.
    ///
    /// The form is the shorter one unless an id or a value needs the longer (RFC 8285 §4.1.2).
    pub fn rewrite(
        &mut self,
        source: Block<'_>,
        from: &ExtensionMap,
        to: &ExtensionMap,
        mid: Option<&[u8]>,
    ) {
        todo!()
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
}

impl Default for Outgoing {
    fn default() -> Self {
        Self::new()
    }
}

/// The value of abs-send-time: seconds modulo 64 with 18 bits of fraction. `time` counts from any
/// fixed moment.
pub fn abs_send_time(time: std::time::Duration) -> [u8; 3] {
    let fraction = (u64::from(time.subsec_nanos()) << 18) / 1_000_000_000;
    let [.., high, middle, low] = (time.as_secs() << 18 | fraction).to_be_bytes();
    [high, middle, low]
}

const ONE_BYTE: u16 = 0xbede;
const TWO_BYTE: u16 = 0x1000;
const APPBITS: u16 = 0x000f;
