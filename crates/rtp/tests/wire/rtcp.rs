//! RTCP as sessions exchange it: compounds that others wrote, ours read back, and any bytes.

use proptest::prelude::*;
use rtp::rtcp::{
    Arrival, FeedbackHead, NoRoom, Packet, ReportBlock, RtcpError, SenderInfo, TransportFeedback,
    Writer, packets,
};

use crate::hex::hex;

const HEAD: FeedbackHead = FeedbackHead {
    sender: 1,
    media: 2,
    count: 3,
};

/// The one packet of a compound.
fn only(compound: &[u8]) -> Packet<'_> {
    let mut packets = packets(compound);
    let packet = packets.next().unwrap().unwrap();
    assert!(packets.next().is_none());
    packet
}

fn feedback(compound: &[u8]) -> TransportFeedback<'_> {
    match only(compound) {
        Packet::TransportFeedback(feedback) => feedback,
        other => panic!("{other:?}"),
    }
}

/// What a writer with room makes.
fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), NoRoom>) -> Vec<u8> {
    let mut buffer = [0xee; 1500];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer).unwrap();
    let len = writer.len();
    assert_eq!(len % 4, 0);
    assert!(buffer[len..].iter().all(|byte| *byte == 0xee));
    buffer[..len].to_vec()
}

#[test]
fn a_compound_is_written_and_read() {
    let info = SenderInfo {
        ntp: 0x0102_0304_0506_0708,
        rtp: 90_000,
        packets: 7,
        octets: 8000,
    };
    let blocks = [-3, 0x7f_ffff].map(|lost| ReportBlock {
        ssrc: 0xdead_beef,
        fraction_lost: 12,
        lost,
        highest: 0x0001_0203,
        jitter: 55,
        last_report: 0x0304_0506,
        delay: 65_536,
    });
    let compound = written(|writer| {
        writer.sender_report(10, &info, &blocks)?;
        writer.receiver_report(11, &blocks[..1])?;
        writer.cname(10, "tidegate")?;
        writer.goodbye(&[10, 12])
    });
    let read: Vec<_> = packets(&compound).map(Result::unwrap).collect();
    let [
        Packet::SenderReport(sender),
        Packet::ReceiverReport(receiver),
        Packet::SourceDescription(description),
        Packet::Goodbye(goodbye),
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!((sender.ssrc, sender.info), (10, info));
    assert_eq!(sender.blocks.collect::<Vec<_>>(), blocks);
    assert_eq!(receiver.ssrc, 11);
    assert_eq!(receiver.blocks.collect::<Vec<_>>(), blocks[..1]);
    let cnames: Vec<_> = description.cnames().collect();
    assert_eq!(cnames, [(10, &b"tidegate"[..])]);
    assert_eq!(goodbye.ssrcs().collect::<Vec<_>>(), [10, 12]);
}

#[test]
fn reports_say_at_most_what_five_bits_count() {
    let compound = written(|writer| {
        writer.receiver_report(1, &[ReportBlock::default(); 40])?;
        writer.goodbye(&[5; 40])
    });
    let mut read = packets(&compound).map(Result::unwrap);
    let Some(Packet::ReceiverReport(report)) = read.next() else {
        panic!()
    };
    assert_eq!(report.blocks.count(), 31);
    let Some(Packet::Goodbye(goodbye)) = read.next() else {
        panic!()
    };
    assert_eq!(goodbye.ssrcs().count(), 31);
}

/// RFC 3550 §6.5: chunks end with zeros up to a whole word; other items stand beside a CNAME.
#[test]
fn names_are_found_among_other_items() {
    let compound = hex(
        "83ca0009 00000001 0203616263 0101 78 00000000 00000002 0101 79 00 00000003 0203 646566 00 0000",
    );
    let Packet::SourceDescription(description) = only(&compound) else {
        panic!()
    };
    let cnames: Vec<_> = description.cnames().collect();
    assert_eq!(cnames, [(1, &b"x"[..]), (2, b"y")]);
}

#[test]
fn a_cname_of_any_length_reads_back() {
    for len in 0..300 {
        let cname = "c".repeat(len);
        let compound = written(|writer| writer.cname(1, &cname));
        let Packet::SourceDescription(description) = only(&compound) else {
            panic!()
        };
        let kept = &cname.as_bytes()[..len.min(255)];
        assert_eq!(description.cnames().collect::<Vec<_>>(), [(1, kept)]);
    }
}

#[test]
fn missing_packets_are_packed_and_unpacked() {
    let missing = [65_530, 65_531, 65_535, 0, 10, 11, 27, 28, 28, 500];
    let compound = written(|writer| writer.nack(1, 2, missing));
    // 65,530 and the 16 behind it; 11 and 27, its 16th; 28; 500.
    assert_eq!(compound.len(), 12 + 4 * 4);
    let Packet::Nack(nack) = only(&compound) else {
        panic!()
    };
    assert_eq!((nack.sender, nack.media), (1, 2));
    let read: Vec<_> = nack.sequences().collect();
    assert_eq!(read, [65_530, 65_531, 65_535, 0, 10, 11, 27, 28, 500]);
}

#[test]
fn nothing_missing_is_nothing_written() {
    assert_eq!(written(|writer| writer.nack(1, 2, [])), []);
}

#[test]
fn requests_for_key_frames_read_back() {
    let compound = written(|writer| {
        writer.picture_loss(1, 2)?;
        writer.full_intra_request(1, 2, 9)
    });
    let read: Vec<_> = packets(&compound).map(Result::unwrap).collect();
    let [Packet::PictureLoss(loss), Packet::FullIntraRequest(request)] = &read[..] else {
        panic!("{read:?}");
    };
    assert_eq!((loss.sender, loss.media), (1, 2));
    assert_eq!(request.sender, 1);
    assert_eq!(request.entries().collect::<Vec<_>>(), [(2, 9)]);
}

/// A REMB of libwebrtc and an XR (RFC 3611) stand around a PLI.
#[test]
fn what_we_do_not_read_is_passed_over() {
    let compound = hex("8fce0005 00000001 00000000 52454d42 01 03fb93 00000002
         81ce0002 00000001 00000002
         80cf0001 00000001");
    let read: Vec<_> = packets(&compound).map(Result::unwrap).collect();
    let [
        Packet::Other {
            packet_type: 206,
            format: 15,
        },
        Packet::PictureLoss(_),
        Packet::Other {
            packet_type: 207, ..
        },
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
}

#[test]
fn reading_ends_at_the_first_error() {
    for (compound, error) in [
        ("80c90001 00000001 81", RtcpError::CutShort),
        (
            "80c90001 00000001 81ce0003 00000001 00000002",
            RtcpError::CutShort,
        ),
        ("80c90001 00000001 81ce0001 00000001", RtcpError::CutShort),
        ("80c90001 00000001 81c90001 00000001", RtcpError::CutShort),
        ("80c90001 00000001 82cb0001 00000001", RtcpError::CutShort),
        ("80c90001 00000001 40c90001 00000001", RtcpError::Version(1)),
        ("80c90001 00000001 a0c90001 00000005", RtcpError::Padding),
        ("80c90001 00000001 a0c90001 00000000", RtcpError::Padding),
        ("80c90001 00000001 a0c90000", RtcpError::Padding),
    ] {
        let compound = hex(compound);
        let read: Vec<_> = packets(&compound).collect();
        assert!(matches!(read[0], Ok(Packet::ReceiverReport(_))));
        assert_eq!(read[1].as_ref().unwrap_err(), &error, "{compound:x?}");
        assert_eq!(read.len(), 2);
    }
}

/// pion's test of its decoder: a packet of libwebrtc, padded by one byte.
#[test]
fn feedback_of_another_implementation() {
    let compound = hex("afcd0005 fa17fa17 43032fa0 00990001 3de80217 2001 94 01");
    let feedback = feedback(&compound);
    let head = FeedbackHead {
        sender: 0xfa17_fa17,
        media: 0x4303_2fa0,
        count: 23,
    };
    assert_eq!(feedback.head, head);
    assert_eq!((feedback.base, feedback.statuses), (153, 1));
    assert_eq!(feedback.reference, 4_057_090);
    let arrival = Arrival {
        sequence: 153,
        time: 4_057_090 * 256 + 148,
    };
    assert_eq!(feedback.arrivals().collect::<Vec<_>>(), [arrival]);
}

/// Chunks as draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1.3 and §3.1.4 draws them: runs of
/// 221 packets that were lost and of 24 that came, vectors of 14 and of 7 symbols.
#[test]
fn chunks_of_the_draft() {
    let vectors = hex("00dd 2018 9f1c c550");
    let deltas = [1; 24 + 8 + 4];
    let statuses = 221_u16 + 24 + 14 + 7;
    let body = [
        &hex("00000001 00000002 0000")[..],
        &statuses.to_be_bytes(),
        &hex("000000 00"),
        &vectors,
        &deltas,
    ]
    .concat();
    let padding = body.len().next_multiple_of(4) - body.len();
    let words = (body.len() + padding) / 4;
    let compound = [&[0x8f, 205, 0, words as u8], &body[..], &vec![0; padding]].concat();
    let feedback = feedback(&compound);
    let came: Vec<_> = feedback
        .arrivals()
        .map(|arrival| arrival.sequence)
        .collect();
    let run = 221..245;
    let one_bit = [1, 2, 3, 4, 5, 9, 10, 11].map(|symbol| 245 + symbol);
    let two_bits = [1, 2, 3, 4].map(|symbol| 259 + symbol);
    let expected: Vec<_> = run.chain(one_bit).chain(two_bits).collect();
    assert_eq!(came, expected);
}

#[test]
fn feedback_that_does_not_add_up_is_refused() {
    for compound in [
        "8fcd0005 00000001 00000002 00000002 00000000 2001 0100", // chunks for one of two
        "8fcd0005 00000001 00000002 00000003 00000000 2003 0101", // deltas for two of three
        "8fcd0005 00000001 00000002 00000001 00000000 6001 0101", // a reserved symbol
        "8fcd0003 00000001 00000002 00000000",
    ] {
        let compound = hex(compound);
        let error = packets(&compound).next().unwrap().unwrap_err();
        assert_eq!(error, RtcpError::CutShort, "{compound:x?}");
    }
}

/// 65,535 losses in 16 bytes of chunks cost no more to read than one packet that came.
#[test]
fn losses_are_passed_over_by_the_run() {
    let losses = std::iter::repeat_n(None, 65_534);
    let arrivals = losses.chain([Some(1000)]);
    let mut buffer = [0; 100];
    let mut writer = Writer::new(&mut buffer);
    let count = writer.transport_feedback(HEAD, 7, arrivals.clone());
    // As far as so many vectors of seven would have room.
    assert!(count.unwrap() < 300);

    let mut buffer = vec![0; 20_000];
    let mut writer = Writer::new(&mut buffer);
    assert_eq!(writer.transport_feedback(HEAD, 7, arrivals), Ok(65_535));
    let len = writer.len();
    assert!(len < 60, "{len}");
    let came: Vec<_> = feedback(&buffer[..len]).arrivals().collect();
    let arrival = Arrival {
        sequence: 5,
        time: 1000,
    };
    assert_eq!(came, [arrival]);
}

#[test]
fn feedback_ends_where_an_arrival_is_too_far_away() {
    let arrivals = [Some(0), Some(32_767), Some(-1), Some(32_766)];
    let mut buffer = [0; 100];
    let mut writer = Writer::new(&mut buffer);
    let count = writer.transport_feedback(HEAD, 7, arrivals.into_iter());
    assert_eq!(count, Ok(4));
    let arrivals = [Some(0), None, Some(32_768)];
    let count = writer.transport_feedback(HEAD, 7, arrivals.into_iter());
    assert_eq!(count, Ok(2));
}

#[test]
fn nothing_is_written_without_room() {
    type Write = fn(&mut Writer<'_>) -> Result<(), NoRoom>;
    let writes: [Write; 7] = [
        |writer| writer.sender_report(1, &SenderInfo::default(), &[]),
        |writer| writer.receiver_report(1, &[ReportBlock::default()]),
        |writer| writer.cname(1, "tidegate"),
        |writer| writer.nack(1, 2, [1, 100]),
        |writer| writer.picture_loss(1, 2),
        |writer| writer.full_intra_request(1, 2, 3),
        |writer| {
            writer
                .transport_feedback(HEAD, 7, [Some(1)].into_iter())
                .map(drop)
        },
    ];
    for write in writes {
        let len = written(write).len();
        for room in 0..len {
            let mut buffer = vec![0; room];
            let mut writer = Writer::new(&mut buffer);
            assert_eq!(write(&mut writer), Err(NoRoom), "{room} of {len}");
            assert!(writer.is_empty());
        }
        let mut buffer = vec![0; len];
        assert_eq!(write(&mut Writer::new(&mut buffer)), Ok(()));
    }
}

proptest! {
    #[test]
    fn missing_packets_read_back(start: u16, steps in proptest::collection::vec(1_u16..40, 1..200)) {
        let missing: Vec<_> = steps
            .iter()
            .scan(start, |sequence, step| {
                *sequence = sequence.wrapping_add(*step);
                Some(*sequence)
            })
            .collect();
        let compound = written(|writer| writer.nack(1, 2, missing.iter().copied()));
        let Packet::Nack(nack) = only(&compound) else { panic!() };
        prop_assert_eq!(nack.sequences().collect::<Vec<_>>(), missing);
    }

    #[test]
    fn feedback_reads_back(
        base: u16,
        start in -1_000_000_i64..1_000_000,
        steps in proptest::collection::vec(
            proptest::option::weighted(0.7, prop_oneof![5 => 0_i64..255, 1 => -300_i64..40_000]),
            1..600,
        ),
        room in 0_usize..1500,
    ) {
        let arrivals: Vec<_> = steps
            .iter()
            .scan(start, |time, step| {
                *time += step.unwrap_or(0);
                Some(step.map(|_| *time))
            })
            .collect();
        let mut buffer = vec![0; room];
        let mut writer = Writer::new(&mut buffer);
        let Ok(count) = writer.transport_feedback(HEAD, base, arrivals.iter().copied()) else {
            prop_assert!(room < 28);
            return Ok(());
        };
        let len = writer.len();
        let read = feedback(&buffer[..len]);
        prop_assert_eq!(read.head, HEAD);
        prop_assert_eq!((read.base, read.statuses), (base, count));
        let expected: Vec<_> = (0..count)
            .zip(&arrivals)
            .filter_map(|(number, time)| Some((base.wrapping_add(number), (*time)?)))
            .collect();
        let came: Vec<_> = read.arrivals().map(|one| (one.sequence, one.time)).collect();
        prop_assert_eq!(came, expected);
        // It said all, or could not have said much more.
        let time = |number: usize| arrivals[..number].iter().copied().flatten().last();
        let rest = usize::from(count);
        if let (Some(next), Some(last)) = (arrivals.get(rest), time(rest)) {
            let far = next.is_some_and(|next| i16::try_from(next - last).is_err());
            prop_assert!(far || len + 2 * (rest / 7) + 8 > room);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for packet in packets(&bytes).flatten() {
            if let Packet::TransportFeedback(feedback) = packet {
                prop_assert!(feedback.arrivals().count() <= bytes.len());
            }
        }
    }
}
