//! UDP sockets with batches, segmentation offload and ECN.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Type};

use crate::datagram::{Ecn, Transmit, mapped, mapped_ip, unmapped};

/// What the kernel is asked for in each direction; it may give less.
const KERNEL_BUFFER: usize = 8 << 20;

/// A UDP socket that does not block.
#[derive(Debug)]
pub struct Socket {
    io: socket2::Socket,
    state: UdpSocketState,
    v6: bool,
}

impl Socket {
    /// Binds a socket that shares its port with nobody. `[::]` takes IPv4 as well.
    ///
    /// # Errors
    /// The address is in use, or is not one of this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::wrap(bound(address, false)?)
    }

    fn wrap(io: socket2::Socket) -> io::Result<Self> {
        // The kernel caps these at its own limits; a smaller buffer only drops earlier.
        let _ = io.set_recv_buffer_size(KERNEL_BUFFER);
        let _ = io.set_send_buffer_size(KERNEL_BUFFER);
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        without_timestamps(&io);
        let v6 = io.local_addr()?.is_ipv6();
        Ok(Self { io, state, v6 })
    }

    /// The address that the socket is bound to.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        local_addr(&self.io)
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.io.as_raw_fd()
    }

    pub(crate) fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> io::Result<usize> {
        self.state.recv(UdpSockRef::from(&self.io), buffers, meta)
    }

    /// Sends all datagrams of `transmit`, as one run where the kernel can.
    pub(crate) fn send(&self, transmit: &Transmit, contents: &[u8]) -> io::Result<()> {
        let mut out = quinn_udp::Transmit {
            destination: mapped(transmit.destination, self.v6),
            ecn: transmit.ecn.map(Ecn::into_udp),
            contents,
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip.map(|ip| mapped_ip(ip, self.v6)),
        };
        let Some(segment) = transmit
            .segment_size
            .filter(|_| self.state.max_gso_segments() == 1)
        else {
            return self.state.try_send(UdpSockRef::from(&self.io), &out);
        };
        // This kernel or interface cannot segment: one call a datagram.
        out.segment_size = None;
        for datagram in contents.chunks(segment) {
            out.contents = datagram;
            self.state.try_send(UdpSockRef::from(&self.io), &out)?;
        }
        Ok(())
    }
}

/// The sockets of a listening address, one a shard: the kernel spreads the clients over them.
#[derive(Debug)]
pub struct Binding {
    sockets: Vec<Socket>,
    address: SocketAddr,
}

impl Binding {
    /// Binds `shards` sockets to one address before any of them is served, so that the kernel's
    /// choice of a socket never changes. Port 0 takes a free one. `[::]` takes IPv4 as well.
    ///
    /// # Errors
    /// The port is in use, also by a process of the same user that shares ports, or cannot be bound.
    pub fn open(address: SocketAddr, shards: usize) -> io::Result<Self> {
        // With SO_REUSEPORT the kernel would let us take half of another server's packets.
        let probed = local_addr(&bound(address, false)?)?;
        let exact = SocketAddr::new(address.ip(), probed.port());
        let sockets = (0..shards.max(1))
            .map(|_| Socket::wrap(bound(exact, true)?))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            address: sockets[0].local_addr()?,
            sockets,
        })
    }

    /// The address with its true port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The sockets, in the order of the shards.
    pub fn into_sockets(self) -> Vec<Socket> {
        self.sockets
    }
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<socket2::Socket> {
    let io = socket2::Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        io.set_only_v6(!address.ip().is_unspecified())?;
    }
    if shared {
        io.set_reuse_port(true)?;
    }
    io.bind(&address.into())?;
    Ok(io)
}

/// quinn-udp 0.6.3 asks for receive timestamps, and its room for control messages then has no space
/// left for the ECN mark of a GRO run.
fn without_timestamps(io: &socket2::Socket) {
    let off: libc::c_int = 0;
    // SAFETY: `off` outlives the call. Failing leaves us without marks, which QUIC can do without.
    unsafe {
        libc::setsockopt(
            io.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const off).cast(),
            size_of_val(&off) as libc::socklen_t,
        );
    }
}

fn local_addr(io: &socket2::Socket) -> io::Result<SocketAddr> {
    let address = io.local_addr()?.as_socket();
    Ok(unmapped(
        address.unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, 0).into()
    }

    #[test]
    fn all_shards_share_the_port_that_the_first_was_given() {
        let binding = Binding::open(loopback(), 3).unwrap();
        let port = binding.local_addr().port();
        assert_ne!(port, 0);
        for socket in binding.into_sockets() {
            assert_eq!(socket.local_addr().unwrap().port(), port);
        }
    }

    #[test]
    fn a_second_server_on_the_port_is_told_so() {
        let first = Binding::open(loopback(), 2).unwrap();
        let second = Binding::open(first.local_addr(), 2);
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_run_of_datagrams_arrives_as_it_was_sent() {
        let (a, b) = (
            Socket::bind(loopback()).unwrap(),
            Socket::bind(loopback()).unwrap(),
        );
        let contents: Vec<u8> = (0..2500u32).map(|n| n as u8).collect();
        let transmit = Transmit {
            socket: crate::SocketId::MAIN,
            destination: b.local_addr().unwrap(),
            src_ip: None,
            ecn: Some(Ecn::Ect0),
            size: contents.len(),
            segment_size: Some(1000),
        };
        assert_eq!(transmit.datagrams(), 3);
        a.send(&transmit, &contents).unwrap();

        let mut got = Vec::new();
        while got.len() < contents.len() {
            let mut poll = libc::pollfd {
                fd: b.raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            // SAFETY: one entry, which outlives the call.
            assert_eq!(
                unsafe { libc::poll(&raw mut poll, 1, 2000) },
                1,
                "nothing arrived"
            );
            let mut memory = vec![0; 65_536];
            let mut meta = [RecvMeta::default()];
            let n = b
                .receive(&mut [IoSliceMut::new(&mut memory)], &mut meta)
                .unwrap();
            assert_eq!(n, 1);
            assert_eq!(meta[0].ecn, Some(quinn_udp::EcnCodepoint::Ect0));
            assert!(meta[0].stride == 1000 || meta[0].len == 500);
            got.extend_from_slice(&memory[..meta[0].len]);
        }
        assert_eq!(got, contents);
    }
}
