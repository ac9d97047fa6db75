//! A datagram that came in, and one that goes out.

use std::net::{IpAddr, SocketAddr};

use bytes::BytesMut;

/// One of the sockets that a shard owns, counted from 0 in the order of its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u32);

impl SocketId {
    /// The shard's first socket: the one that listens, where any does.
    pub const MAIN: Self = Self(0);
}

/// Explicit congestion notification, RFC 3168 §5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Ecn {
    /// ECN-capable, codepoint 1.
    Ect1 = 0b01,
    /// ECN-capable, codepoint 0.
    Ect0 = 0b10,
    /// Congestion was met on the way.
    Ce = 0b11,
}

impl Ecn {
    pub(crate) fn from_udp(ecn: quinn_udp::EcnCodepoint) -> Self {
        match ecn {
            quinn_udp::EcnCodepoint::Ect1 => Self::Ect1,
            quinn_udp::EcnCodepoint::Ect0 => Self::Ect0,
            quinn_udp::EcnCodepoint::Ce => Self::Ce,
        }
    }

    pub(crate) fn into_udp(self) -> quinn_udp::EcnCodepoint {
        match self {
            Self::Ect1 => quinn_udp::EcnCodepoint::Ect1,
            Self::Ect0 => quinn_udp::EcnCodepoint::Ect0,
            Self::Ce => quinn_udp::EcnCodepoint::Ce,
        }
    }
}

/// One UDP datagram as it arrived. IPv4 addresses are never written as mapped IPv6 ones.
#[derive(Debug)]
pub struct Datagram {
    /// Where it came in.
    pub socket: SocketId,
    /// Who sent it.
    pub remote: SocketAddr,
    /// The address it was sent to, where the kernel says so.
    pub local_ip: Option<IpAddr>,
    /// What the network says about congestion.
    pub ecn: Option<Ecn>,
    /// The payload; its memory is shared with the datagrams received next to it.
    pub data: BytesMut,
}

/// Where the bytes in a buffer go, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The socket to send from.
    pub socket: SocketId,
    /// Who gets it; IPv4 is not mapped.
    pub destination: SocketAddr,
    /// The source address to use; `None` leaves it to the kernel.
    pub src_ip: Option<IpAddr>,
    /// The mark to send with.
    pub ecn: Option<Ecn>,
    /// Bytes in the buffer, all datagrams together.
    pub size: usize,
    /// The size of each datagram but the last, where there are several.
    pub segment_size: Option<usize>,
}

impl Transmit {
    /// How many datagrams the bytes make.
    pub fn datagrams(&self) -> usize {
        self.segment_size
            .map_or(1, |segment| self.size.div_ceil(segment.max(1)))
    }
}

pub(crate) fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// `address` as a socket of the family `v6` has to be told it.
pub(crate) fn mapped(address: SocketAddr, v6: bool) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v6 => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
        other => other,
    }
}

/// The source address in the family of the destination, which is what the kernel matches it with.
pub(crate) fn mapped_ip(ip: IpAddr, v6: bool) -> IpAddr {
    match ip {
        IpAddr::V4(v4) if v6 => v4.to_ipv6_mapped().into(),
        other => other,
    }
}
