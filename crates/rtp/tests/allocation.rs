//! What a packet costs the allocator once its streams are known: nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rtp::extensions::{ExtensionMap, ExtensionNumber, Outgoing};
use rtp::packet::{Header, Packet};
use rtp::rtcp::{self, ReportBlock, Writer};
use rtp::srtp::{Keys, Profile, Receiver, Sender, SenderStream};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// One session's way in and another's way out.
struct Trip {
    sender: Sender,
    receiver: Receiver,
    published: SenderStream,
    forwarded: SenderStream,
    from: ExtensionMap,
    to: ExtensionMap,
    block: Outgoing,
    packet: [u8; 1500],
    copy: [u8; 1500],
}

impl Trip {
    fn new(profile: Profile) -> Self {
        let material = vec![1; profile.keying_material_len()];
        let (keys, _) = Keys::from_keying_material(profile, &material, true).unwrap();
        let level = ExtensionNumber(9);
        Self {
            sender: Sender::new(&keys),
            receiver: Receiver::new(&keys, 4),
            published: SenderStream::default(),
            forwarded: SenderStream::default(),
            from: ExtensionMap::new(&[(1, level)]),
            to: ExtensionMap::new(&[(2, level), (3, ExtensionNumber::TRANSPORT_CC)]),
            block: Outgoing::new(),
            packet: [0; 1500],
            copy: [0; 1500],
        }
    }

    /// A packet comes, is opened, and is sealed again for a subscriber; then they exchange RTCP.
    fn once(&mut self, sequence: u16) {
        let mut header = Header {
            marker: true,
            payload_type: 96,
            sequence,
            timestamp: 0,
            ssrc: 1,
        };
        let len = header
            .write(&[0xbe, 0xde, 0, 1, 0x10, 7, 0, 0], &mut self.packet)
            .unwrap();
        let published = &mut self.published;
        let len = self
            .sender
            .protect(published, &mut self.packet, len, len + 1000)
            .unwrap();
        let opened = self.receiver.open(&mut self.packet[..len]).unwrap();
        let packet = Packet::parse(&self.packet[..opened.len]).unwrap();
        self.block
            .rewrite(packet.extensions(), &self.from, &self.to, Some(b"0"));
        header.ssrc = 2;
        let start = header.write(self.block.bytes(), &mut self.copy).unwrap();
        let end = start + packet.payload().len();
        self.copy[start..end].copy_from_slice(packet.payload());
        self.sender
            .protect(&mut self.forwarded, &mut self.copy, start, end)
            .unwrap();

        let mut writer = Writer::new(&mut self.packet);
        writer
            .receiver_report(1, &[ReportBlock::default()])
            .unwrap();
        writer
            .nack(1, 2, [sequence, sequence.wrapping_add(3)])
            .unwrap();
        let len = writer.len();
        let len = self.sender.protect_rtcp(&mut self.packet, len).unwrap();
        let len = self.receiver.open_rtcp(&mut self.packet[..len]).unwrap();
        assert_eq!(rtcp::packets(&self.packet[..len]).flatten().count(), 2);
    }
}

#[test]
fn packets_of_known_streams_allocate_nothing() {
    for profile in Profile::ALL {
        let mut trip = Trip::new(profile);
        trip.once(0);
        let before = ALLOCATIONS.get();
        (1..1000).for_each(|sequence| trip.once(sequence));
        assert_eq!(ALLOCATIONS.get() - before, 0, "{profile:?}");
    }
}
