//! What must hold for any bytes, one function a decoder: random tests and the fuzz targets call them.

use std::collections::BTreeSet;

use rtp::extensions::{ExtensionMap, ExtensionNumber, MAX_BLOCK, MAX_FORWARDED, Outgoing};
use rtp::packet::{FIXED_HEADER, Header, Packet, pad};
use rtp::rtcp::{self, ReportBlock, Writer};
use rtp::srtp::{
    Keys, MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, Profile, Receiver, Sender, SenderStream,
};

/// A decoder's check.
pub type Check = fn(&[u8]);

/// Every decoder by its name, which is also that of its corpus.
pub const DECODERS: [(&str, Check); 3] = [("srtp", srtp), ("rtp", rtp), ("rtcp", rtcp)];

/// Any bytes are an RTP packet or an error, and a packet whose header is written again, its extensions
/// under another session's ids, says the same.
pub fn rtp(input: &[u8]) {
    let Ok(packet) = Packet::parse(input) else {
        return;
    };
    let payload = packet.payload();
    let len = packet.header_len() + payload.len() + packet.padding();
    assert_eq!(len, input.len());
    assert!(FIXED_HEADER + 4 * packet.csrcs().count() <= packet.header_len());

    // The packet's ids from 2 on name extensions that pass; the subscriber numbers them one lower,
    // does not have every seventh and has two of ours.
    let numbers = (2..60).map(|id| (id, ExtensionNumber(u16::from(id) + 100)));
    let from: Vec<_> = [(1, ExtensionNumber::MID)]
        .into_iter()
        .chain(numbers)
        .collect();
    let has = |number: ExtensionNumber| !number.0.is_multiple_of(7);
    let to = from[1..].iter().filter(|entry| has(entry.1));
    let mut to: Vec<_> = to.map(|&(id, number)| (id - 1, number)).collect();
    to.push((60, ExtensionNumber::TRANSPORT_CC));
    to.push((61, ExtensionNumber::ABS_SEND_TIME));
    let mut block = Outgoing::new();
    block.rewrite(
        packet.extensions(),
        &ExtensionMap::new(&from),
        &ExtensionMap::new(&to),
        Some(b"mid"),
    );

    let mut buffer = vec![0; input.len() + MAX_BLOCK];
    let header_len = packet.header().write(block.bytes(), &mut buffer).unwrap();
    buffer[header_len..][..payload.len()].copy_from_slice(payload);
    let padding = packet.padding() as u8;
    let len = pad(&mut buffer, header_len + payload.len(), padding).unwrap();
    let copy = Packet::parse(&buffer[..len]).unwrap();
    assert_eq!(copy.header(), packet.header());
    assert_eq!(
        (copy.payload(), copy.padding()),
        (payload, packet.padding())
    );
    assert!(
        copy.extensions()
            .get(60)
            .is_some_and(|value| value.len() == 2)
    );
    assert!(
        copy.extensions()
            .get(61)
            .is_some_and(|value| value.len() == 3)
    );
    let passed: Vec<_> = packet
        .extensions()
        .iter()
        .filter(|one| (2..60).contains(&one.id))
        .filter(|one| has(ExtensionNumber(u16::from(one.id) + 100)))
        .map(|one| (one.id - 1, one.value))
        .take(MAX_FORWARDED)
        .collect();
    let copied: Vec<_> = copy
        .extensions()
        .iter()
        .filter(|one| one.id < 60)
        .map(|one| (one.id, one.value))
        .collect();
    let size: usize = passed.iter().map(|(_, value)| 2 + value.len()).sum();
    if size <= MAX_BLOCK - 16 {
        assert_eq!(copied, passed);
    } else {
        assert!(copied.iter().all(|one| passed.contains(one)));
    }
}

/// Any bytes are RTCP packets up to the first error, and a packet that is written again says the same.
pub fn rtcp(input: &[u8]) {
    let mut ended = false;
    for packet in rtcp::packets(input) {
        assert!(!ended, "an error is the last");
        match packet {
            Ok(packet) => rtcp_packet(packet, input.len()),
            Err(_) => ended = true,
        }
    }
}

/// `room` is what the packet came in.
fn rtcp_packet(packet: rtcp::Packet<'_>, room: usize) {
    use rtcp::Packet::*;
    // A mask of missing packets may be written as single ones.
    let mut buffer = vec![0; 16 * room + 64];
    let mut writer = Writer::new(&mut buffer);
    match packet {
        SenderReport(report) => {
            let blocks: Vec<ReportBlock> = report.blocks.collect();
            writer
                .sender_report(report.ssrc, &report.info, &blocks)
                .unwrap();
            let SenderReport(copy) = only(&mut writer) else {
                panic!()
            };
            assert_eq!((copy.ssrc, copy.info), (report.ssrc, report.info));
            assert_eq!(copy.blocks.collect::<Vec<_>>(), blocks);
        }
        ReceiverReport(report) => {
            let blocks: Vec<ReportBlock> = report.blocks.collect();
            writer.receiver_report(report.ssrc, &blocks).unwrap();
            let ReceiverReport(copy) = only(&mut writer) else {
                panic!()
            };
            assert_eq!(copy.ssrc, report.ssrc);
            assert_eq!(copy.blocks.collect::<Vec<_>>(), blocks);
        }
        SourceDescription(description) => {
            for (ssrc, cname) in description.cnames() {
                let Ok(cname) = std::str::from_utf8(cname) else {
                    continue;
                };
                let mut writer = Writer::new(&mut buffer);
                writer.cname(ssrc, cname).unwrap();
                let SourceDescription(copy) = only(&mut writer) else {
                    panic!()
                };
                let copies: Vec<_> = copy.cnames().collect();
                assert_eq!(copies, [(ssrc, cname.as_bytes())]);
            }
        }
        Goodbye(goodbye) => {
            let ssrcs: Vec<_> = goodbye.ssrcs().collect();
            writer.goodbye(&ssrcs).unwrap();
            let Goodbye(copy) = only(&mut writer) else {
                panic!()
            };
            assert_eq!(copy.ssrcs().collect::<Vec<_>>(), ssrcs);
        }
        Nack(nack) => {
            let mut sequences: Vec<_> = nack.sequences().collect();
            assert!(sequences.len() <= room / 4 * 17);
            if sequences.is_empty() {
                return;
            }
            writer
                .nack(nack.sender, nack.media, sequences.iter().copied())
                .unwrap();
            let Nack(copy) = only(&mut writer) else {
                panic!()
            };
            assert_eq!((copy.sender, copy.media), (nack.sender, nack.media));
            let mut copies: Vec<_> = copy.sequences().collect();
            for list in [&mut copies, &mut sequences] {
                list.sort_unstable();
                list.dedup();
            }
            assert_eq!(copies, sequences);
        }
        PictureLoss(loss) => {
            writer.picture_loss(loss.sender, loss.media).unwrap();
            let PictureLoss(copy) = only(&mut writer) else {
                panic!()
            };
            assert_eq!(copy, loss);
        }
        FullIntraRequest(request) => {
            for (ssrc, number) in request.entries() {
                let mut writer = Writer::new(&mut buffer);
                writer
                    .full_intra_request(request.sender, ssrc, number)
                    .unwrap();
                let FullIntraRequest(copy) = only(&mut writer) else {
                    panic!()
                };
                assert_eq!(copy.sender, request.sender);
                assert_eq!(copy.entries().collect::<Vec<_>>(), [(ssrc, number)]);
            }
        }
        TransportFeedback(feedback) => transport_feedback(&feedback, room),
        Other { .. } => {}
        _ => {}
    }
}

/// The only packet that was written.
fn only<'a>(writer: &'a mut Writer<'_>) -> rtcp::Packet<'a> {
    let mut packets = rtcp::packets(writer.written());
    let packet = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none());
    packet
}

fn transport_feedback(feedback: &rtcp::TransportFeedback<'_>, room: usize) {
    let arrivals: Vec<_> = feedback.arrivals().collect();
    assert!(arrivals.len() <= room);
    let mut times = vec![None; feedback.statuses.into()];
    for arrival in &arrivals {
        let number = arrival.sequence.wrapping_sub(feedback.base);
        times[usize::from(number)] = Some(arrival.time);
    }
    let mut buffer = vec![0; 64 + 3 * times.len()];
    let mut writer = Writer::new(&mut buffer);
    let written = writer.transport_feedback(feedback.head, feedback.base, times.iter().copied());
    let count = usize::from(written.unwrap());
    // The first delta is from the reference here, where it may be anything there.
    assert!(count == times.len() || times[count].is_some());
    if count == 0 {
        return;
    }
    let rtcp::Packet::TransportFeedback(copy) = only(&mut writer) else {
        panic!()
    };
    assert_eq!((copy.head, copy.base), (feedback.head, feedback.base));
    let wrap = |time: i64| time & 0xffff_ffff;
    let said = arrivals.iter().map(|one| (one.sequence, wrap(one.time)));
    let copied: Vec<_> = copy
        .arrivals()
        .map(|one| (one.sequence, wrap(one.time)))
        .collect();
    assert_eq!(copied, said.take(copied.len()).collect::<Vec<_>>());
    let came = times[..count].iter().flatten().count();
    assert_eq!(copied.len(), came);
}

/// Whatever a stranger sends is refused, and what the peer sends opens once, under its own index.
/// The first byte picks the profile; then come messages, each with a byte that says of what kind.
pub fn srtp(input: &[u8]) {
    let Some((&choice, mut rest)) = input.split_first() else {
        return;
    };
    let profile = Profile::ALL[usize::from(choice) % Profile::ALL.len()];
    let material = vec![0x5a; profile.keying_material_len()];
    let (keys, _) = Keys::from_keying_material(profile, &material, true).unwrap();
    let mut peer = Peer {
        sender: Sender::new(&keys),
        streams: [SenderStream::default(); 4],
        newest: [None; 4],
        receiver: Receiver::new(&keys, 3),
        opened: BTreeSet::new(),
    };
    while let Some((&kind, message)) = rest.split_first() {
        let len = usize::from(message.first().copied().unwrap_or(0)).min(message.len());
        let (message, next) = message.split_at(len);
        rest = next;
        match kind % 4 {
            0 => assert!(peer.receiver.open(&mut message.to_vec()).is_err()),
            1 => assert!(peer.receiver.open_rtcp(&mut message.to_vec()).is_err()),
            2 => peer.rtp(message),
            _ => peer.rtcp(message),
        }
    }
}

struct Peer {
    sender: Sender,
    streams: [SenderStream; 4],
    /// The newest index that was sealed.
    newest: [Option<u64>; 4],
    receiver: Receiver,
    /// Streams and indices.
    opened: BTreeSet<(usize, u64)>,
}

impl Peer {
    /// Seals a packet and opens it. The message says which stream, and how far its number is from
    /// the newest.
    fn rtp(&mut self, message: &[u8]) {
        let &[_, stream, high, low, ref payload @ ..] = message else {
            return;
        };
        let (stream, step) = (usize::from(stream) % 4, i16::from_be_bytes([high, low]));
        let index = match self.newest[stream] {
            Some(newest) => newest.checked_add_signed(step.into()),
            None => Some(u64::from(step as u16)),
        };
        let Some(index) = index else { return };
        let header = Header {
            marker: false,
            payload_type: 96,
            sequence: index as u16,
            timestamp: 0,
            ssrc: stream as u32,
        };
        let mut buffer = vec![0; FIXED_HEADER + payload.len() + MAX_RTP_OVERHEAD];
        header.write(&[], &mut buffer).unwrap();
        buffer[FIXED_HEADER..][..payload.len()].copy_from_slice(payload);
        let plain = buffer[..FIXED_HEADER + payload.len()].to_vec();
        let state = &mut self.streams[stream];
        let len = self
            .sender
            .protect(state, &mut buffer, FIXED_HEADER, plain.len())
            .unwrap();
        self.newest[stream] = Some(self.newest[stream].map_or(index, |newest| newest.max(index)));
        // An index beyond what the receiver can guess looks like a forgery.
        if let Ok(opened) = self.receiver.open(&mut buffer[..len]) {
            assert_eq!(opened.index, index);
            assert_eq!(buffer[..opened.len], plain);
            assert!(self.opened.insert((stream, index)), "{index} opened twice");
        }
    }

    /// Seals a compound, opens it, and opens it again.
    fn rtcp(&mut self, message: &[u8]) {
        let mut plain = [&[0x80, 201, 0, 1, 0, 0, 0], message].concat();
        plain.truncate(200);
        let mut buffer = [&plain[..], &[0; MAX_RTCP_OVERHEAD]].concat();
        let Ok(len) = self.sender.protect_rtcp(&mut buffer, plain.len()) else {
            assert!(plain.len() < 8);
            return;
        };
        let mut replay = buffer[..len].to_vec();
        if let Ok(opened) = self.receiver.open_rtcp(&mut buffer[..len]) {
            assert_eq!(buffer[..opened], plain);
            assert!(self.receiver.open_rtcp(&mut replay).is_err());
        }
    }
}
