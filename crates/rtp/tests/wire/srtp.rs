//! SRTP and SRTCP as a session uses them: two contexts of one association, and what a stranger sends.

use proptest::prelude::*;
use rtp::packet::{FIXED_HEADER, Header};
use rtp::srtp::{
    Keys, MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, OpenError, Opened, Profile, Receiver, SealError,
    Sender, SenderStream,
};

use crate::hex::hex;

/// What one side seals and the other opens.
struct Pair {
    sender: Sender,
    stream: SenderStream,
    receiver: Receiver,
}

impl Pair {
    fn new(profile: Profile) -> Self {
        Self::with_limit(profile, 128)
    }

    fn with_limit(profile: Profile, limit: usize) -> Self {
        let material: Vec<u8> = (0..profile.keying_material_len() as u8).collect();
        let (ours, _) = Keys::from_keying_material(profile, &material, true).unwrap();
        let (_, theirs) = Keys::from_keying_material(profile, &material, false).unwrap();
        Self {
            sender: Sender::new(&ours),
            stream: SenderStream::default(),
            receiver: Receiver::new(&theirs, limit),
        }
    }

    fn seal(&mut self, ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
        let mut stream = self.stream;
        let sealed = seal(&self.sender, &mut stream, ssrc, sequence, payload);
        self.stream = stream;
        sealed
    }

    /// The index of a packet of SSRC 1.
    fn send(&mut self, sequence: u16) -> Result<u64, OpenError> {
        let mut sealed = self.seal(1, sequence, b"payload");
        self.receiver.open(&mut sealed).map(|opened| opened.index)
    }
}

fn seal(
    sender: &Sender,
    stream: &mut SenderStream,
    ssrc: u32,
    sequence: u16,
    payload: &[u8],
) -> Vec<u8> {
    let mut buffer = plain(ssrc, sequence, payload);
    let len = buffer.len();
    buffer.resize(len + MAX_RTP_OVERHEAD, 0);
    let sealed = sender.protect(stream, &mut buffer, FIXED_HEADER, len);
    buffer.truncate(sealed.unwrap());
    buffer
}

fn plain(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        marker: false,
        payload_type: 96,
        sequence,
        timestamp: 0x0102_0304,
        ssrc,
    };
    let mut packet = vec![0; FIXED_HEADER];
    header.write(&[], &mut packet).unwrap();
    [&packet, payload].concat()
}

/// libsrtp's `srtp_validate`: the key and salt of RFC 3711 appendix B.3, one packet each.
#[test]
fn packets_of_another_implementation() {
    let key = hex("e1f97a0d3e018be0d64fa32c06de4139");
    let salt = hex("0ec675ad498afeebb6960b3aabe6");
    let material = [&key[..], &key, &salt, &salt].concat();
    let profile = Profile::AesCm128HmacSha1;
    let (keys, _) = Keys::from_keying_material(profile, &material, true).unwrap();
    let mut receiver = Receiver::new(&keys, 1);

    let mut rtp =
        hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb");
    let opened = Opened {
        len: 28,
        index: 0x1234,
    };
    assert_eq!(receiver.open(&mut rtp), Ok(opened));
    assert_eq!(rtp[12..28], [0xab; 16]);

    let mut rtcp =
        hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798");
    assert_eq!(receiver.open_rtcp(&mut rtcp), Ok(24));
    assert_eq!(rtcp[8..24], [0xab; 16]);
}

#[test]
fn what_is_sealed_in_a_row_lies_in_a_row() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile);
        let packet = plain(1, 7, b"payload");
        let mut buffer = [&packet[..], &[0xee; 100]].concat();
        let len = pair
            .sender
            .protect(&mut pair.stream, &mut buffer, FIXED_HEADER, packet.len())
            .unwrap();
        assert_eq!(len, packet.len() + profile.rtp_overhead());
        assert!(
            buffer[len..].iter().all(|byte| *byte == 0xee),
            "{profile:?}"
        );
        let opened = pair.receiver.open(&mut buffer[..len]).unwrap();
        assert_eq!(buffer[..opened.len], packet);
    }
}

#[test]
fn a_replay_is_refused() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile);
        let sealed = pair.seal(1, 7, b"payload");
        assert!(pair.receiver.open(&mut sealed.clone()).is_ok());
        assert_eq!(
            pair.receiver.open(&mut sealed.clone()),
            Err(OpenError::Replayed)
        );
    }
}

#[test]
fn every_byte_of_a_packet_is_authenticated() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile);
        let sealed = pair.seal(1, 7, b"payload");
        for byte in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[byte] ^= 1;
            assert!(pair.receiver.open(&mut forged).is_err(), "byte {byte}");
        }
        assert!(pair.receiver.open(&mut sealed.clone()).is_ok());
    }
}

#[test]
fn a_rollover_is_counted_on_both_sides() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile);
        for index in (65_000..200_000_u64).step_by(97) {
            assert_eq!(pair.send(index as u16), Ok(index), "{profile:?}");
        }
    }
}

/// A publisher may begin right before a wrap, and its first packets may be lost.
#[test]
fn a_stream_may_be_met_after_its_first_rollover() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile);
        let mut late = pair.seal(1, 65_530, b"late");
        assert_eq!(pair.send(4), Ok(65_540), "{profile:?}");
        assert_eq!(pair.receiver.open(&mut late).unwrap().index, 65_530);
        assert_eq!(pair.send(5), Ok(65_541));
    }
}

#[test]
fn packets_are_reordered_over_a_rollover() {
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile);
        let sealed: Vec<_> = (65_530..65_545_u64)
            .map(|index| (index, pair.seal(1, index as u16, b"payload")))
            .collect();
        for (index, mut packet) in sealed.into_iter().rev() {
            assert_eq!(pair.receiver.open(&mut packet).unwrap().index, index);
        }
        assert_eq!(pair.send(12), Ok(65_548));
    }
}

#[test]
fn a_packet_may_be_late_by_less_than_the_window() {
    let mut pair = Pair::new(Profile::AeadAes128Gcm);
    let mut late = pair.seal(1, 1000, b"late");
    let mut lost = pair.seal(1, 999, b"later");
    assert_eq!(pair.send(1000 + 1023), Ok(2023));
    assert_eq!(pair.receiver.open(&mut late).unwrap().index, 1000);
    assert_eq!(pair.receiver.open(&mut lost), Err(OpenError::Replayed));
}

/// A retransmission without RTX is the same packet again.
#[test]
fn an_old_packet_seals_to_the_same_bytes() {
    let mut pair = Pair::new(Profile::AeadAes256Gcm);
    let first = pair.seal(1, 65_535, b"payload");
    pair.seal(1, 3, b"another");
    assert_eq!(pair.seal(1, 65_535, b"payload"), first);
    assert_eq!(pair.send(4), Ok(65_540));
}

#[test]
fn nothing_is_sealed_before_the_first_index() {
    let pair = Pair::new(Profile::AeadAes128Gcm);
    let mut stream = SenderStream::default();
    seal(&pair.sender, &mut stream, 1, 3, b"");
    let mut buffer = [plain(1, 65_535, b""), vec![0; 16]].concat();
    let sealed = pair.sender.protect(&mut stream, &mut buffer, 12, 12);
    assert_eq!(sealed, Err(SealError::NoIndex));
}

#[test]
fn a_buffer_without_room_is_refused() {
    let mut pair = Pair::new(Profile::AeadAes128Gcm);
    let mut buffer = [plain(1, 1, b"payload"), vec![0; 15]].concat();
    for (header_len, len) in [(12, 19), (20, 19), (0, 10), (12, 1000)] {
        let sealed = pair
            .sender
            .protect(&mut pair.stream, &mut buffer, header_len, len);
        assert_eq!(sealed, Err(SealError::NoRoom));
    }
    assert_eq!(
        pair.sender.protect_rtcp(&mut buffer, 19),
        Err(SealError::NoRoom)
    );
    assert_eq!(
        pair.sender.protect_rtcp(&mut buffer, 4),
        Err(SealError::NoRoom)
    );
}

#[test]
fn forgeries_of_a_thousand_streams_take_no_place() {
    let mut pair = Pair::with_limit(Profile::AeadAes128Gcm, 2);
    assert!(pair.send(1).is_ok());
    for ssrc in 100..1100 {
        let mut forged = plain(ssrc, 1, &[0x55; 40]);
        assert_eq!(pair.receiver.open(&mut forged), Err(OpenError::Forged));
    }
    let mut second = pair.seal(2, 2, b"payload");
    assert!(pair.receiver.open(&mut second).is_ok());
}

/// The peer itself sends more streams than it may: those that live stay, replays of them are refused.
#[test]
fn a_flood_of_authentic_streams_displaces_none_that_lives() {
    let mut pair = Pair::with_limit(Profile::AeadAes128Gcm, 3);
    let live: Vec<_> = (1..=3).map(|ssrc| pair.seal(ssrc, 10, b"live")).collect();
    for packet in &live {
        assert!(pair.receiver.open(&mut packet.clone()).is_ok());
    }
    for ssrc in 100..300 {
        let mut flood = pair.seal(ssrc, 10, b"flood");
        let opened = pair.receiver.open(&mut flood);
        assert_eq!(opened, Err(OpenError::TooManyStreams));
    }
    for packet in &live {
        let replayed = pair.receiver.open(&mut packet.clone());
        assert_eq!(replayed, Err(OpenError::Replayed));
    }
}

#[test]
fn a_stream_that_has_long_been_quiet_makes_room() {
    let mut pair = Pair::with_limit(Profile::AeadAes128Gcm, 2);
    let mut quiet = pair.seal(2, 0, b"quiet");
    assert!(pair.receiver.open(&mut quiet).is_ok());
    for index in 0..65_535_u64 {
        assert_eq!(pair.send(index as u16), Ok(index));
    }
    let newcomer = pair.seal(3, 65_535, b"newcomer");
    let opened = pair.receiver.open(&mut newcomer.clone());
    assert_eq!(opened, Err(OpenError::TooManyStreams));
    assert_eq!(pair.send(65_535), Ok(65_535));
    assert!(pair.receiver.open(&mut newcomer.clone()).is_ok());
    assert_eq!(pair.send(0), Ok(65_536));
}

#[test]
fn rtcp_goes_through_once() {
    let compound = hex("80c900010000000181ce000200000001000000ff");
    for profile in Profile::ALL {
        let mut pair = Pair::new(profile);
        for _ in 0..200 {
            let mut buffer = [&compound[..], &[0; MAX_RTCP_OVERHEAD]].concat();
            let len = pair
                .sender
                .protect_rtcp(&mut buffer, compound.len())
                .unwrap();
            assert_eq!(len, compound.len() + profile.rtcp_overhead());
            let replay = buffer[..len].to_vec();
            let opened = pair.receiver.open_rtcp(&mut buffer[..len]).unwrap();
            assert_eq!(buffer[..opened], compound);
            for byte in 0..len {
                let mut forged = replay.clone();
                forged[byte] ^= 1;
                assert!(pair.receiver.open_rtcp(&mut forged).is_err(), "byte {byte}");
            }
            let replayed = pair.receiver.open_rtcp(&mut replay.clone());
            assert_eq!(replayed, Err(OpenError::Replayed));
        }
    }
}

/// DTLS-SRTP negotiates encryption; a packet that says it has none is not looked at.
#[test]
fn rtcp_that_is_not_encrypted_is_refused() {
    let mut packet = hex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61\
         deadbeefdeadbeefdeadbeefdeadbeefdeadbeef841dd9683dd78ec92ae58790125f62b3000005d4",
    );
    let mut pair = Pair::new(Profile::AeadAes128Gcm);
    assert_eq!(
        pair.receiver.open_rtcp(&mut packet),
        Err(OpenError::Malformed)
    );
}

proptest! {
    #[test]
    fn what_is_sealed_opens(
        payload in proptest::collection::vec(any::<u8>(), 0..1400),
        ssrc: u32,
        sequence: u16,
        profile in proptest::sample::select(&Profile::ALL[..]),
    ) {
        let mut pair = Pair::new(profile);
        let mut sealed = pair.seal(ssrc, sequence, &payload);
        let opened = pair.receiver.open(&mut sealed).unwrap();
        prop_assert_eq!(opened.index, u64::from(sequence));
        prop_assert_eq!(&sealed[..opened.len], &plain(ssrc, sequence, &payload)[..]);
    }

    #[test]
    fn any_bytes_are_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        profile in proptest::sample::select(&Profile::ALL[..]),
    ) {
        let mut pair = Pair::new(profile);
        prop_assert!(pair.receiver.open(&mut bytes.clone()).is_err());
        prop_assert!(pair.receiver.open_rtcp(&mut bytes.clone()).is_err());
    }

    /// However packets are lost and reordered within the window, each opens once, under its own index.
    #[test]
    fn losses_and_reordering_do_not_confuse_indices(
        start in 0_u64..70_000,
        steps in proptest::collection::vec((-500_i64..1500, any::<bool>()), 1..200),
    ) {
        let mut pair = Pair::new(Profile::AeadAes128Gcm);
        let mut newest = start % 65_536;
        prop_assert_eq!(pair.send(newest as u16), Ok(newest));
        let mut opened = std::collections::BTreeSet::from([newest]);
        for (step, lost) in steps {
            let Some(index) = newest.checked_add_signed(step) else { continue };
            let mut packet = pair.seal(1, index as u16, b"payload");
            newest = newest.max(index);
            if lost || opened.last().is_some_and(|last| index + 1024 <= *last) {
                continue;
            }
            let result = pair.receiver.open(&mut packet);
            if opened.insert(index) {
                prop_assert_eq!(result.map(|opened| opened.index), Ok(index));
            } else {
                prop_assert_eq!(result, Err(OpenError::Replayed));
            }
        }
    }
}

/// Whoever counts without wrapping may leave out as many numbers as it likes: none means another's key
/// stream, and the first one begins without rollovers.
#[test]
fn numbers_far_apart_are_different_indices() {
    let mut pair = Pair::new(Profile::AeadAes128Gcm);
    let begin = 3 << 16 | 60_000;
    let mut sealed = |number: u64| {
        let mut buffer = plain(1, number as u16, &[0; 16]);
        let len = buffer.len();
        buffer.resize(len + MAX_RTP_OVERHEAD, 0);
        let (sender, stream) = (&pair.sender, &mut pair.stream);
        let sealed = sender.protect_numbered(stream, number, &mut buffer, FIXED_HEADER, len);
        sealed.map(|_| buffer)
    };
    let first = sealed(begin).unwrap();
    let others = [1, 32_767, 32_768, 40_000, 65_536, 100_000].map(|ahead| begin + ahead);
    let mut all: Vec<_> = others.map(|number| sealed(number).unwrap()).into();
    assert_eq!(sealed(begin).unwrap(), first, "the same bytes as before");
    assert_eq!(sealed(2 << 16 | 60_000), Err(SealError::NoIndex));
    all.push(first.clone());
    all.sort_by_key(|packet| packet[FIXED_HEADER..].to_vec());
    all.dedup_by_key(|packet| packet[FIXED_HEADER..].to_vec());
    assert_eq!(all.len(), others.len() + 1);
    let opened = pair.receiver.open(&mut first.clone()).unwrap();
    assert_eq!(opened.index, 60_000);
}
