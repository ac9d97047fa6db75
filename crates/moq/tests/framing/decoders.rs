//! What must hold for any bytes, one function a decoder: random tests and the fuzz targets call
//! them. The first byte picks the draft, the second whatever else there is to choose.

use moq::framing::codes::Fate;
use moq::framing::datagram;
use moq::framing::fetch::{FetchMark, FetchObject, FetchScanner, FetchWriter, GroupOrder};
use moq::framing::header::{self, StreamHeader, SubgroupHeader, SubgroupId, TrackAlias};
use moq::framing::location::{GroupId, Location};
use moq::framing::profile::{PROFILES, Profile};
use moq::framing::properties::{Properties, Property, Value};
use moq::framing::subgroup::{self, EncodeError, Mark, Scanner};
use moq::framing::varint::Varint;

/// A decoder's check.
pub type Check = fn(&[u8]);

/// Every decoder by its name, which is also that of its corpus.
pub const DECODERS: [(&str, Check); 6] = [
    ("varint", varint),
    ("header", header),
    ("subgroup", subgroup),
    ("datagram", datagram),
    ("fetch", fetch),
    ("properties", properties),
];

/// Any bytes are an integer or too short, and what decodes survives a round trip.
pub fn varint(input: &[u8]) {
    for form in [Varint::Quic, Varint::Vi64] {
        let Ok((value, len)) = form.decode(input) else {
            assert!(input.len() < 9, "nine bytes hold any integer");
            continue;
        };
        let mut bytes = Vec::new();
        form.encode(value, &mut bytes).unwrap();
        assert!(bytes.len() <= len);
        assert_eq!(form.decode(&bytes), Ok((value, bytes.len())));
    }
}

/// Any bytes are a stream header or an error, more bytes never change a header, and what decodes
/// survives a round trip.
pub fn header(input: &[u8]) {
    let Some((profile, track_priority, bytes)) = choose(input) else {
        return;
    };
    let Ok((decoded, len)) = header::decode(profile, bytes) else {
        return;
    };
    assert_eq!(header::decode(profile, &bytes[..len]), Ok((decoded, len)));
    let mut out = Vec::new();
    match decoded {
        StreamHeader::Subgroup(subgroup) => {
            header::encode(profile, &subgroup, track_priority, &mut out).unwrap();
        }
        StreamHeader::Fetch { request_id } => {
            header::encode_fetch(profile, request_id, &mut out).unwrap();
        }
        StreamHeader::Control | StreamHeader::Padding => return,
    }
    assert_eq!(header::decode(profile, &out), Ok((decoded, out.len())));
}

/// However the bytes of a subgroup stream are cut, they hold the same objects, and each object
/// written for any draft reads there as itself.
pub fn subgroup(input: &[u8]) {
    let Some((profile, choice, stream)) = choose(input) else {
        return;
    };
    let header = SubgroupHeader {
        alias: TrackAlias(1),
        group: GroupId(40),
        subgroup: SubgroupId::Zero,
        priority: None,
        extensions: choice & 1 != 0,
        end_of_group: false,
        first_object: false,
    };
    let mut scanner = Scanner::new(profile, &header);
    let mut whole = Vec::new();
    let consumed = scanner.scan(stream, &mut whole);
    if let Ok(consumed) = consumed {
        assert!(consumed <= stream.len());
        let last_end = whole.last().map_or(0, Mark::end);
        assert_eq!(last_end - scanner.remaining_payload(), consumed as u64);
    }

    let mut pieces = Vec::new();
    let mut scanner = Scanner::new(profile, &header);
    let fate = in_pieces(stream, usize::from(choice >> 1) + 1, |run, start| {
        let mut marks = Vec::new();
        let consumed = scanner.scan(run, &mut marks);
        let moved = |mark: &Mark| Mark {
            offset: mark.offset + start as u32,
            ..*mark
        };
        pieces.extend(marks.iter().map(moved));
        consumed.map_err(|error| error.fate())
    });
    assert_eq!(pieces, whole);
    assert_eq!(fate, consumed.map_err(|error| error.fate()));

    for to in PROFILES {
        let mut copy = Scanner::new(to, &header);
        let mut prior = None;
        for mark in &whole {
            let bytes = &stream[mark.header()];
            let mut out = Vec::new();
            let written = subgroup::transcode_header(
                profile,
                to,
                bytes,
                mark,
                header.extensions,
                prior,
                &mut out,
            );
            match written {
                Ok(_) => {}
                Err(EncodeError::TooLarge(_) | EncodeError::NoSuchStatus(_)) => continue,
                Err(error) => panic!("{error}"),
            }
            prior = Some(mark.object);
            let mut marks = Vec::new();
            copy.scan(&out, &mut marks)
                .expect("what was accepted once is accepted again");
            let [again] = marks[..] else {
                panic!("{} objects in one header", marks.len());
            };
            assert_eq!(again.object, mark.object);
            assert_eq!(again.status, mark.status);
            assert_eq!(again.payload_len, mark.payload_len);
            skip_payload(mark.payload_len, |payload| {
                copy.scan(payload, &mut marks).unwrap()
            });
            if !copy.is_between_objects() {
                break;
            }
        }
    }

    for mark in &whole {
        let mut out = Vec::new();
        subgroup::rewrite_first(profile, &stream[mark.header()], mark, &mut out);
        let mut marks = Vec::new();
        Scanner::new(profile, &header)
            .scan(&out, &mut marks)
            .unwrap();
        assert_eq!(marks[0].object, mark.object);
    }
}

/// Any bytes are a datagram or an error, and what decodes survives a round trip through every
/// draft that can say it.
pub fn datagram(input: &[u8]) {
    let Some((profile, track_priority, bytes)) = choose(input) else {
        return;
    };
    let Ok(Some(decoded)) = datagram::decode(profile, bytes) else {
        return;
    };
    for to in PROFILES {
        let mut out = Vec::new();
        let Ok(left_out) = datagram::encode(to, &decoded, track_priority, &mut out) else {
            assert!(out.is_empty());
            continue;
        };
        let again = datagram::decode(to, &out).unwrap().expect("an object");
        assert_eq!(again.alias, decoded.alias);
        assert_eq!(again.location, decoded.location);
        assert_eq!(again.body, decoded.body);
        assert_eq!(again.end_of_group, decoded.end_of_group);
        assert_eq!(
            again.priority.unwrap_or(track_priority),
            decoded.priority.unwrap_or(track_priority)
        );
        if left_out == 0 {
            assert_eq!(sorted(&again.properties), sorted(&decoded.properties));
        }
    }
}

/// However the bytes of a FETCH stream are cut, they hold the same objects, and each object
/// written for any draft reads there as itself.
pub fn fetch(input: &[u8]) {
    let Some((profile, choice, stream)) = choose(input) else {
        return;
    };
    let order = match choice & 1 {
        0 => GroupOrder::Ascending,
        _ => GroupOrder::Descending,
    };
    let mut whole = Vec::new();
    let consumed = FetchScanner::new(profile, order).scan(stream, &mut whole);

    let mut pieces = Vec::new();
    let mut scanner = FetchScanner::new(profile, order);
    let fate = in_pieces(stream, usize::from(choice >> 1) + 1, |run, start| {
        let mut marks = Vec::new();
        let consumed = scanner.scan(run, &mut marks);
        pieces.extend(marks.into_iter().map(|mark| match mark {
            FetchMark::Object(mut mark) => {
                mark.offset += start as u32;
                FetchMark::Object(mark)
            }
            marker => marker,
        }));
        consumed.map_err(|error| error.fate())
    });
    assert_eq!(pieces, whole);
    assert_eq!(fate, consumed.map_err(|error| error.fate()));

    for to in PROFILES {
        let mut writer = FetchWriter::new(to, order);
        let mut copy = FetchScanner::new(to, order);
        for mark in &whole {
            let mut out = Vec::new();
            let mut marks = Vec::new();
            match *mark {
                FetchMark::EndOfRange { end, last } => {
                    if writer.end_of_range(end, last, &mut out).is_err() || out.is_empty() {
                        continue;
                    }
                    assert_eq!(copy.scan(&out, &mut marks), Ok(out.len()));
                    assert_eq!(marks, [*mark]);
                }
                FetchMark::Object(mark) => {
                    let list_at = mark.offset as usize;
                    let list = &stream[list_at..][mark.extensions()];
                    let object = FetchObject {
                        location: mark.location,
                        subgroup: mark.subgroup,
                        priority: mark.priority,
                        properties: Properties::new(profile, list),
                        payload_len: mark.payload_len,
                        status: mark.status,
                    };
                    if writer.object(&object, &mut out).is_err() || out.is_empty() {
                        continue;
                    }
                    assert_eq!(copy.scan(&out, &mut marks), Ok(out.len()));
                    let [FetchMark::Object(again)] = marks[..] else {
                        panic!("{marks:?} in one header");
                    };
                    assert_eq!(again.location, mark.location);
                    assert_eq!(again.priority, mark.priority);
                    assert_eq!(again.payload_len, mark.payload_len);
                    assert_eq!(again.status, mark.status);
                    if mark.subgroup.is_some() || again.subgroup.is_none() {
                        assert_eq!(again.subgroup, mark.subgroup);
                    }
                    skip_payload(mark.payload_len, |payload| {
                        copy.scan(payload, &mut marks).unwrap()
                    });
                    if !copy.is_between_objects() {
                        break;
                    }
                }
            }
        }
    }
}

/// Any bytes are a list of properties or an error, and an accepted list means the same in every
/// draft, but for properties that the draft cannot say; immutable blocks keep their bytes.
pub fn properties(input: &[u8]) {
    let Some((profile, _, bytes)) = choose(input) else {
        return;
    };
    let at = Location::new(40, 40);
    let list = Properties::new(profile, bytes);
    assert!(list.iter().count() <= bytes.len());
    let Ok(gaps) = list.check(at) else {
        return;
    };
    for to in PROFILES {
        let mut out = Vec::new();
        let left_out = list.write(to, &mut out).expect("the list was checked");
        let (len, list_at) = to.varint.decode(&out).unwrap();
        assert_eq!(len as usize, out.len() - list_at);
        let copy = Properties::new(to, &out[list_at..]);
        if left_out == 0 {
            assert_eq!(sorted(&copy), sorted(&list));
            assert_eq!(copy.check(at), Ok(gaps));
        } else {
            assert_eq!(copy.iter().count() + left_out, list.iter().count());
        }
    }
}

fn choose(input: &[u8]) -> Option<(&'static Profile, u8, &[u8])> {
    let (&draft, rest) = input.split_first()?;
    let (&choice, rest) = rest.split_first()?;
    Some((&PROFILES[usize::from(draft) % PROFILES.len()], choice, rest))
}

/// Feeds `stream` to `scan` in runs of `size` new bytes, as its caller would: what one run leaves
/// over comes first in the next. `scan` also gets where its run starts in the stream.
fn in_pieces(
    stream: &[u8],
    size: usize,
    mut scan: impl FnMut(&[u8], usize) -> Result<usize, Fate>,
) -> Result<usize, Fate> {
    let mut start = 0;
    let mut end = 0;
    loop {
        start += scan(&stream[start..end], start)?;
        if end == stream.len() {
            return Ok(start);
        }
        end = stream.len().min(end + size);
    }
}

/// Gives `scan` so many bytes of payload, or some of them when there are very many.
fn skip_payload(len: u64, mut scan: impl FnMut(&[u8]) -> usize) {
    let payload = vec![0; len.min(1 << 16) as usize];
    assert_eq!(scan(&payload), payload.len());
}

/// The properties by type, equal ones in their order.
fn sorted<'a>(list: &Properties<'a>) -> Vec<(u64, Value<'a>)> {
    let pair = |property: Property<'a>| (property.kind, property.value);
    let mut pairs: Vec<_> = list
        .iter()
        .map(|property| pair(property.unwrap()))
        .collect();
    pairs.sort_by_key(|pair| pair.0);
    pairs
}
