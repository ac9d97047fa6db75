//! The few control messages that a client needs, at drafts 14, 16 and 18.
//!
//! It reads leniently: a load generator measures relays, it does not judge them.

use moq::framing::profile::Draft;
use moq::framing::varint::Varint;

/// A request's number on the wire.
pub type RequestId = u64;

/// What the relay says, as far as it concerns us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Its SETUP; `requests`: how many we may make (drafts 14 and 16).
    Setup {
        /// MAX_REQUEST_ID.
        requests: u64,
    },
    /// The bound of our request ids has grown.
    MaxRequestId(u64),
    /// A request of ours is granted; draft 18 leaves `request` to the stream.
    Ok {
        /// Which one.
        request: Option<RequestId>,
        /// The Track Alias, where a SUBSCRIBE was granted.
        alias: Option<u64>,
    },
    /// A request of ours is refused.
    Refused {
        /// Which one.
        request: Option<RequestId>,
        /// The error code.
        code: u64,
        /// What it says about it.
        reason: String,
    },
    /// It wants a track of ours.
    Subscribe {
        /// To answer with.
        request: RequestId,
        /// Which track.
        track_name: Vec<u8>,
    },
    /// It no longer wants the track of that request.
    Unsubscribe(RequestId),
    /// A request that deserves REQUEST_OK: an update, or a namespace.
    Other {
        /// Its message type.
        kind: u64,
        /// To answer with.
        request: RequestId,
    },
    /// A subscription has ended.
    PublishDone,
    /// It asks us to leave.
    GoAway,
    /// Nothing that we act upon.
    Ignored,
}

/// Why a message cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// More bytes are needed, or its own length is wrong.
    #[error("a control message is cut short")]
    Short,
}

const SUBSCRIBE_UPDATE: u64 = 0x02;
const SUBSCRIBE: u64 = 0x03;
const SUBSCRIBE_OK: u64 = 0x04;
const REQUEST_ERROR: u64 = 0x05;
const PUBLISH_NAMESPACE: u64 = 0x06;
const REQUEST_OK: u64 = 0x07;
const PUBLISH_NAMESPACE_ERROR: u64 = 0x08;
const UNSUBSCRIBE: u64 = 0x0a;
const PUBLISH_DONE: u64 = 0x0b;
const GOAWAY: u64 = 0x10;
const SUBSCRIBE_NAMESPACE: u64 = 0x11;
const SUBSCRIBE_NAMESPACE_OK: u64 = 0x12;
const MAX_REQUEST_ID: u64 = 0x15;
const CLIENT_SETUP: u64 = 0x20;
const SERVER_SETUP: u64 = 0x21;
/// The stream type of draft 18's control streams, too.
pub const SETUP: u64 = 0x2f00;

const PARAMETER_PATH: u64 = 0x01;
const PARAMETER_MAX_REQUEST_ID: u64 = 0x02;
const PARAMETER_AUTHORITY: u64 = 0x05;
const DRAFT_14: u64 = 0xff00_000e;
/// Subscriptions that a relay may make of our publisher.
const OUR_MAX_REQUEST_ID: u64 = 1 << 20;

/// How the draft writes integers.
fn varint(draft: Draft) -> Varint {
    match draft {
        Draft::D14 | Draft::D16 => Varint::Quic,
        Draft::D18 => Varint::Vi64,
    }
}

/// Whether replies name their request; else they travel on its stream.
pub fn replies_name_the_request(draft: Draft) -> bool {
    draft != Draft::D18
}

fn delta_types(draft: Draft) -> bool {
    draft != Draft::D14
}

fn put(varint: Varint, out: &mut Vec<u8>, value: u64) {
    varint
        .encode(value, out)
        .expect("lengths, ids and types are far below 2^62");
}

/// CLIENT_SETUP or SETUP; `authority` and `path` travel in it on raw QUIC.
pub fn setup(draft: Draft, url: Option<(&str, &str)>) -> Vec<u8> {
    let mut parameters = Parameters::new(draft);
    if let Some((_, path)) = url {
        parameters.bytes(PARAMETER_PATH, path.as_bytes());
    }
    if draft != Draft::D18 {
        parameters.value(PARAMETER_MAX_REQUEST_ID, OUR_MAX_REQUEST_ID);
    }
    // At draft 14 some peers take 0x05 for something else.
    if let (Some((authority, _)), Draft::D16 | Draft::D18) = (url, draft) {
        parameters.bytes(PARAMETER_AUTHORITY, authority.as_bytes());
    }
    match draft {
        Draft::D14 => Body::new(draft)
            .int(1)
            .int(DRAFT_14)
            .parameters(parameters)
            .message(CLIENT_SETUP),
        Draft::D16 => Body::new(draft)
            .parameters(parameters)
            .message(CLIENT_SETUP),
        Draft::D18 => Body::new(draft).raw(&parameters.bytes).message(SETUP),
    }
}

/// PUBLISH_NAMESPACE.
pub fn publish_namespace(draft: Draft, request: RequestId, namespace: &[String]) -> Vec<u8> {
    Body::new(draft)
        .int(request)
        .namespace(namespace)
        .int(0)
        .message(PUBLISH_NAMESPACE)
}

/// SUBSCRIBE from the largest object on.
pub fn subscribe(draft: Draft, request: RequestId, namespace: &[String], name: &[u8]) -> Vec<u8> {
    let body = Body::new(draft)
        .int(request)
        .namespace(namespace)
        .string(name);
    match draft {
        // Priority, the publisher's order, forward, Largest Object, no parameters.
        Draft::D14 => body.raw(&[128, 0, 1]).int(2).int(0),
        Draft::D16 | Draft::D18 => {
            let mut parameters = Parameters::new(draft);
            parameters.bytes(0x21, &[2]);
            body.parameters(parameters)
        }
    }
    .message(SUBSCRIBE)
}

/// SUBSCRIBE_OK for a track that has nothing yet.
pub fn subscribe_ok(draft: Draft, request: RequestId, alias: u64) -> Vec<u8> {
    match draft {
        // No expiry, ascending, no content, no parameters.
        Draft::D14 => Body::new(draft)
            .int(request)
            .int(alias)
            .int(0)
            .raw(&[1, 0])
            .int(0),
        Draft::D16 => Body::new(draft).int(request).int(alias).int(0),
        Draft::D18 => Body::new(draft).int(alias).int(0),
    }
    .message(SUBSCRIBE_OK)
}

/// What grants a [`Message::Other`]; empty where the draft has no answer to it.
pub fn granted(draft: Draft, kind: u64, request: RequestId) -> Vec<u8> {
    match (draft, kind) {
        (Draft::D14, SUBSCRIBE_UPDATE) => Vec::new(),
        (Draft::D14, SUBSCRIBE_NAMESPACE) => Body::new(draft)
            .int(request)
            .message(SUBSCRIBE_NAMESPACE_OK),
        (Draft::D14, _) => Body::new(draft).int(request).message(REQUEST_OK),
        (Draft::D16, _) => Body::new(draft).int(request).int(0).message(REQUEST_OK),
        (Draft::D18, _) => Body::new(draft).int(0).message(REQUEST_OK),
    }
}

/// Takes one message off the front of `bytes`: it and its length, or `None` while it is incomplete.
pub fn decode(draft: Draft, bytes: &[u8]) -> Result<Option<(Message, usize)>, MessageError> {
    let mut reader = Reader {
        varint: varint(draft),
        bytes,
    };
    let Ok(kind) = reader.int() else {
        return Ok(None);
    };
    let Ok(&[high, low]) = reader.take(2) else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let Ok(body) = reader.take(length) else {
        return Ok(None);
    };
    let consumed = bytes.len() - reader.bytes.len();
    let mut body = Reader {
        varint: varint(draft),
        bytes: body,
    };
    Ok(Some((read(draft, kind, &mut body)?, consumed)))
}

fn read(draft: Draft, kind: u64, body: &mut Reader<'_>) -> Result<Message, MessageError> {
    let named = replies_name_the_request(draft);
    Ok(match kind {
        SERVER_SETUP if draft == Draft::D14 => {
            body.int()?;
            Message::Setup {
                requests: body.max_request_id(draft)?,
            }
        }
        SERVER_SETUP => Message::Setup {
            requests: body.max_request_id(draft)?,
        },
        SETUP => Message::Setup { requests: u64::MAX },
        MAX_REQUEST_ID => Message::MaxRequestId(body.int()?),
        SUBSCRIBE_OK => {
            let request = if named { Some(body.int()?) } else { None };
            Message::Ok {
                request,
                alias: Some(body.int()?),
            }
        }
        REQUEST_OK => Message::Ok {
            request: if named { Some(body.int()?) } else { None },
            alias: None,
        },
        REQUEST_ERROR => body.refusal(draft)?,
        PUBLISH_NAMESPACE_ERROR if draft == Draft::D14 => body.refusal(draft)?,
        SUBSCRIBE => {
            let request = body.int()?;
            for _ in 0..body.int()? {
                body.string()?;
            }
            Message::Subscribe {
                request,
                track_name: body.string()?.to_vec(),
            }
        }
        UNSUBSCRIBE => Message::Unsubscribe(body.int()?),
        SUBSCRIBE_UPDATE | PUBLISH_NAMESPACE | SUBSCRIBE_NAMESPACE | 0x50 | 0x51 => {
            Message::Other {
                kind,
                request: body.int()?,
            }
        }
        PUBLISH_DONE => Message::PublishDone,
        GOAWAY => Message::GoAway,
        _ => Message::Ignored,
    })
}

/// A message's fields, in order.
struct Body {
    varint: Varint,
    bytes: Vec<u8>,
}

impl Body {
    fn new(draft: Draft) -> Self {
        Self {
            varint: varint(draft),
            bytes: Vec::with_capacity(128),
        }
    }

    fn int(mut self, value: u64) -> Self {
        put(self.varint, &mut self.bytes, value);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    fn string(self, bytes: &[u8]) -> Self {
        self.int(bytes.len() as u64).raw(bytes)
    }

    fn namespace(self, fields: &[String]) -> Self {
        let body = self.int(fields.len() as u64);
        fields
            .iter()
            .fold(body, |body, field| body.string(field.as_bytes()))
    }

    fn parameters(self, parameters: Parameters) -> Self {
        self.int(parameters.count).raw(&parameters.bytes)
    }

    fn message(self, kind: u64) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.bytes.len() + 6);
        put(self.varint, &mut message, kind);
        message.extend_from_slice(&(self.bytes.len() as u16).to_be_bytes());
        message.extend_from_slice(&self.bytes);
        message
    }
}

/// Key-value pairs in ascending order of their types.
struct Parameters {
    draft: Draft,
    last: u64,
    count: u64,
    bytes: Vec<u8>,
}

impl Parameters {
    fn new(draft: Draft) -> Self {
        Self {
            draft,
            last: 0,
            count: 0,
            bytes: Vec::new(),
        }
    }

    fn kind(&mut self, kind: u64) {
        let written = if delta_types(self.draft) {
            kind - self.last
        } else {
            kind
        };
        put(varint(self.draft), &mut self.bytes, written);
        self.last = kind;
        self.count += 1;
    }

    fn value(&mut self, kind: u64, value: u64) {
        self.kind(kind);
        put(varint(self.draft), &mut self.bytes, value);
    }

    fn bytes(&mut self, kind: u64, value: &[u8]) {
        self.kind(kind);
        put(varint(self.draft), &mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }
}

struct Reader<'a> {
    varint: Varint,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], MessageError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(MessageError::Short)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<u64, MessageError> {
        let (value, length) = self
            .varint
            .decode(self.bytes)
            .map_err(|_| MessageError::Short)?;
        self.bytes = &self.bytes[length..];
        Ok(value)
    }

    fn string(&mut self) -> Result<&'a [u8], MessageError> {
        let length = self.int()?;
        self.take(length as usize)
    }

    /// Looks through counted setup parameters.
    fn max_request_id(&mut self, draft: Draft) -> Result<u64, MessageError> {
        let mut kind = 0;
        for _ in 0..self.int()? {
            let written = self.int()?;
            kind = if delta_types(draft) {
                kind + written
            } else {
                written
            };
            if kind == PARAMETER_MAX_REQUEST_ID {
                return self.int();
            } else if kind % 2 == 0 {
                self.int()?;
            } else {
                self.string()?;
            }
        }
        Ok(0)
    }

    fn refusal(&mut self, draft: Draft) -> Result<Message, MessageError> {
        let request = if replies_name_the_request(draft) {
            Some(self.int()?)
        } else {
            None
        };
        let code = self.int()?;
        if draft != Draft::D14 {
            self.int()?; // Retry Interval
        }
        let reason = String::from_utf8_lossy(self.string()?).into_owned();
        Ok(Message::Refused {
            request,
            code,
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMESPACE: [&str; 2] = ["moq-test", "interop"];

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_ascii_whitespace().collect();
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    }

    /// Written by hand from draft-16 §9 and draft-18 §10, and equal to an independent encoder's.
    #[test]
    fn setups_are_what_the_drafts_say() {
        assert_eq!(
            setup(Draft::D14, None),
            hex("20 000f 01 c0000000ff00000e 01 02 80100000")
        );
        assert_eq!(setup(Draft::D16, None), hex("20 0006 01 02 80100000"));
        assert_eq!(
            setup(Draft::D18, Some(("h", "/"))),
            hex("af00 0006 01 01 2f 04 01 68")
        );
    }

    #[test]
    fn a_subscription_asks_for_what_follows_the_largest_object() {
        let namespace = NAMESPACE.map(String::from);
        let name = "02 08 6d6f712d74657374 07 696e7465726f70 0a 746573742d747261636b";
        for (draft, wire) in [
            (Draft::D14, format!("03 0023 00 {name} 80 00 01 02 00")),
            (Draft::D16, format!("03 0022 00 {name} 01 21 01 02")),
            (Draft::D18, format!("03 0022 00 {name} 01 21 01 02")),
        ] {
            assert_eq!(subscribe(draft, 0, &namespace, b"test-track"), hex(&wire));
        }
    }

    #[test]
    fn a_relays_subscription_is_read_at_every_draft() {
        let namespace = NAMESPACE.map(String::from);
        for draft in [Draft::D14, Draft::D16, Draft::D18] {
            let wire = subscribe(draft, 7, &namespace, b"t0");
            let message = Message::Subscribe {
                request: 7,
                track_name: b"t0".to_vec(),
            };
            assert_eq!(decode(draft, &wire), Ok(Some((message, wire.len()))));
            assert_eq!(decode(draft, &wire[..wire.len() - 1]), Ok(None));
        }
    }

    #[test]
    fn the_request_limit_is_found_among_other_parameters() {
        let wire = hex("21 0007 02 02 4064 02 5000");
        assert_eq!(
            decode(Draft::D16, &wire),
            Ok(Some((Message::Setup { requests: 100 }, 10)))
        );
        let wire = hex("21 000c c0000000ff00000e 01 02 4064");
        assert_eq!(
            decode(Draft::D14, &wire),
            Ok(Some((Message::Setup { requests: 100 }, 15)))
        );
    }
}
