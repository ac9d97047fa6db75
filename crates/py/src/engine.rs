//! `Engine`.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::engine::{Settings, StartError};
use ::moq::carrier::{ClientTls, Dial, Transport, Verify};
use ::moq::framing::location::Location;
use ::moq::relay::command::{Command, ControlStream, FetchRange, SinkChange, SinkOptions, Start};
use ::rtc::command::{Command as RtcCommand, Credentials, Remote, SinkChange as RtcSinkChange};
use ::rtp::extensions::ExtensionNumber;
use bytes::Bytes;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use track::{FetchId, RtcSessionId, ScopeId, SessionId, SinkId, SourceId, TrackId};

use crate::events::to_python;
use crate::limits::{Limits, seconds};
use crate::rtc::{PyEncoding, PyMapping, PyPayloadType, mappings, sink_options, track_options};

type PyLocation = (u64, u64);

#[pyclass(frozen, module = "tidegate._engine")]
pub(crate) struct Engine {
    engine: Mutex<::engine::Engine>,
    #[pyo3(get)]
    port: u16,
    #[pyo3(get)]
    shards: usize,
    fd: i32,
}

impl Engine {
    /// Uncontended: one thread commands an engine.
    fn lock(&self) -> MutexGuard<'_, ::engine::Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, command: Command) {
        self.lock().command(command);
    }
}

fn location((group, object): PyLocation) -> Location {
    Location::new(group, object)
}

fn address((host, port): (&str, u16)) -> PyResult<SocketAddr> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host
        .parse()
        .map_err(|_| PyValueError::new_err(format!("{host:?} is not a numeric address")))?;
    Ok(SocketAddr::new(ip, port))
}

fn transport(name: &str) -> PyResult<Transport> {
    match name {
        "quic" => Ok(Transport::Quic),
        "webtransport" => Ok(Transport::WebTransport),
        other => Err(PyValueError::new_err(format!(
            "{other:?} is not a transport"
        ))),
    }
}

fn value_error(error: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn milliseconds(value: Option<u64>) -> Option<Duration> {
    value.map(Duration::from_millis)
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (
        *, udp, shards, certificate, private_key, alpn, rtc_certificate, rtc_private_key, limits = None
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        udp: (String, u16),
        shards: u8,
        certificate: Vec<u8>,
        private_key: Vec<u8>,
        alpn: Vec<String>,
        rtc_certificate: Vec<u8>,
        rtc_private_key: Vec<u8>,
        limits: Option<&Bound<'_, Limits>>,
    ) -> PyResult<Self> {
        let settings = Settings {
            udp: address((&udp.0, udp.1))?,
            shards,
            certificate,
            private_key,
            alpn,
            rtc_certificate,
            rtc_private_key,
            limits: limits
                .map(|limits| limits.get().0.clone())
                .unwrap_or_default(),
        };
        let engine = ::engine::Engine::start(&settings).map_err(|error| match error {
            StartError::Io(error) => PyOSError::new_err((error.raw_os_error(), error.to_string())),
            StartError::Tls(error) => value_error(error),
            StartError::Rtc(error) => value_error(error),
        })?;
        let (port, shards, fd) = (engine.port(), engine.shards(), engine.fd());
        Ok(Self {
            engine: Mutex::new(engine),
            port,
            shards,
            fd,
        })
    }

    fn fileno(&self) -> i32 {
        self.fd
    }

    #[pyo3(signature = (most = 1024))]
    fn poll<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let events = PyList::empty(py);
        let mut failed = None;
        self.lock()
            .poll(most, |event| {
                let appended = to_python(py, event).and_then(|event| events.append(event));
                if let Err(error) = appended {
                    failed = Some(error);
                }
            })
            .map_err(|panic| PyRuntimeError::new_err(panic.to_string()))?;
        failed.map_or(Ok(events), Err)
    }

    fn set_certificate(&self, certificate: &[u8], private_key: &[u8]) -> PyResult<()> {
        self.lock()
            .set_certificate(certificate, private_key)
            .map_err(value_error)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let shards = PyList::empty(py);
        for stats in self.lock().stats() {
            let counters = PyDict::new(py);
            for (name, value) in stats {
                counters.set_item(name, value)?;
            }
            shards.append(counters)?;
        }
        Ok(shards)
    }

    fn shutdown(&self, code: u64, reason: &str, deadline: f64) -> PyResult<()> {
        self.lock().shutdown(code, reason, seconds(deadline)?);
        Ok(())
    }

    #[pyo3(signature = (
        transport, address, *, server_name, path, alpn, certificate_sha256 = None, verify = true
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python method"
    )]
    fn connect(
        &self,
        transport: &str,
        address: (String, u16),
        server_name: String,
        path: String,
        alpn: Vec<String>,
        certificate_sha256: Option<[u8; 32]>,
        verify: bool,
    ) -> PyResult<u64> {
        let transport = self::transport(transport)?;
        let verify = match (certificate_sha256, verify) {
            (Some(hash), _) => Verify::Pinned(hash),
            (None, true) => Verify::WebPki,
            (None, false) => Verify::Nothing,
        };
        let tls = ClientTls::new(transport, &alpn, verify).map_err(value_error)?;
        let dial = Dial {
            transport,
            tls,
            remote: self::address((&address.0, address.1))?,
            socket: shard::SocketId::MAIN,
            server_name,
            path,
            protocols: alpn,
        };
        Ok(self.lock().connect(dial).0)
    }

    fn accept(&self, session: u64, protocol: Option<String>) {
        self.command(Command::Accept {
            session: SessionId(session),
            protocol,
        });
    }

    fn refuse(&self, session: u64, status: u16) {
        self.command(Command::Refuse {
            session: SessionId(session),
            status,
        });
    }

    fn set_draft(&self, session: u64, draft: u8) {
        self.command(Command::SetDraft {
            session: SessionId(session),
            draft,
        });
    }

    fn close(&self, session: u64, code: u64, reason: String) {
        self.command(Command::Close {
            session: SessionId(session),
            code,
            reason,
        });
    }

    fn open_stream(&self, session: u64, bidirectional: bool) -> u64 {
        self.lock().open_stream(SessionId(session), bidirectional).0
    }

    #[pyo3(signature = (session, stream, data, fin = false))]
    fn send(&self, session: u64, stream: u64, data: &[u8], fin: bool) {
        self.command(Command::Send {
            session: SessionId(session),
            stream: ControlStream(stream),
            data: Bytes::copy_from_slice(data),
            fin,
        });
    }

    fn reset_stream(&self, session: u64, stream: u64, code: u64) {
        let (session, stream) = (SessionId(session), ControlStream(stream));
        self.command(Command::ResetStream {
            session,
            stream,
            code,
        });
    }

    fn stop_stream(&self, session: u64, stream: u64, code: u64) {
        let (session, stream) = (SessionId(session), ControlStream(stream));
        self.command(Command::StopStream {
            session,
            stream,
            code,
        });
    }

    fn open_track(&self, near: u64, scope: u64) -> u64 {
        self.lock().open_track(SessionId(near), ScopeId(scope)).0
    }

    #[pyo3(signature = (track, *, priority = None, max_cache_ms = None, largest = None))]
    fn update_track(
        &self,
        track: u64,
        priority: Option<u8>,
        max_cache_ms: Option<u64>,
        largest: Option<PyLocation>,
    ) {
        self.command(Command::UpdateTrack {
            track: TrackId(track),
            priority,
            max_cache: milliseconds(max_cache_ms),
            largest: largest.map(location),
        });
    }

    fn close_track(&self, track: u64) {
        self.command(Command::CloseTrack {
            track: TrackId(track),
        });
    }

    fn query_track(&self, track: u64) -> u64 {
        self.lock().query_track(TrackId(track))
    }

    fn watch_group(&self, track: u64, group: u64) {
        self.command(Command::WatchGroup {
            track: TrackId(track),
            group,
        });
    }

    fn attach_source(&self, track: u64, session: u64, alias: u64) -> u64 {
        self.lock()
            .attach_source(TrackId(track), SessionId(session), alias)
            .0
    }

    fn end_source(&self, source: u64, streams: Option<u64>, deadline: u64) {
        self.command(Command::EndSource {
            source: SourceId(source),
            streams,
            deadline: Duration::from_millis(deadline),
        });
    }

    fn detach_source(&self, source: u64) {
        self.command(Command::DetachSource {
            source: SourceId(source),
        });
    }

    #[pyo3(signature = (
        track, session, alias, *, filter = "largest", start = (0, 0), end_group = None, forward = true,
        priority = 128, descending = false, delivery_timeout = None
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python method"
    )]
    fn attach_sink(
        &self,
        track: u64,
        session: u64,
        alias: u64,
        filter: &str,
        start: PyLocation,
        end_group: Option<u64>,
        forward: bool,
        priority: u8,
        descending: bool,
        delivery_timeout: Option<u64>,
    ) -> PyResult<u64> {
        let start = match filter {
            "next_group" => Start::NextGroup,
            "largest" => Start::Largest,
            "absolute" => Start::Absolute(location(start)),
            other => return Err(PyValueError::new_err(format!("{other:?} is not a filter"))),
        };
        let options = SinkOptions {
            alias,
            start,
            end_group,
            forward,
            priority,
            descending,
            delivery_timeout: milliseconds(delivery_timeout),
        };
        Ok(self
            .lock()
            .attach_sink(TrackId(track), SessionId(session), options)
            .0)
    }

    fn start_sink(&self, sink: u64, stream: u64, reply: &[u8]) {
        self.command(Command::StartSink {
            sink: SinkId(sink),
            stream: ControlStream(stream),
            reply: Bytes::copy_from_slice(reply),
        });
    }

    #[pyo3(signature = (
        sink, *, start = None, end_group = None, open_ended = false, forward = None, priority = None,
        delivery_timeout = None
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python method"
    )]
    fn update_sink(
        &self,
        sink: u64,
        start: Option<PyLocation>,
        end_group: Option<u64>,
        open_ended: bool,
        forward: Option<bool>,
        priority: Option<u8>,
        delivery_timeout: Option<u64>,
    ) {
        let change = SinkChange {
            start: start.map(location),
            end_group: match (end_group, open_ended) {
                (Some(group), _) => Some(Some(group)),
                (None, true) => Some(None),
                (None, false) => None,
            },
            forward,
            priority,
            delivery_timeout: milliseconds(delivery_timeout),
        };
        self.command(Command::UpdateSink {
            sink: SinkId(sink),
            change: Box::new(change),
        });
    }

    fn end_sink(&self, sink: u64) {
        self.command(Command::EndSink { sink: SinkId(sink) });
    }

    fn detach_sink(&self, sink: u64) {
        self.command(Command::DetachSink { sink: SinkId(sink) });
    }

    #[pyo3(signature = (
        track, session, request_id, *, start, end, descending = false, priority = 128
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python method"
    )]
    fn fetch(
        &self,
        track: u64,
        session: u64,
        request_id: u64,
        start: PyLocation,
        end: PyLocation,
        descending: bool,
        priority: u8,
    ) -> u64 {
        let range = FetchRange {
            start: location(start),
            end: location(end),
            descending,
            priority,
        };
        self.lock()
            .fetch(TrackId(track), SessionId(session), request_id, range)
            .0
    }

    fn start_fetch(&self, fetch: u64, stream: u64, reply: &[u8]) {
        self.command(Command::StartFetch {
            fetch: FetchId(fetch),
            stream: ControlStream(stream),
            reply: Bytes::copy_from_slice(reply),
        });
    }

    fn cancel_fetch(&self, fetch: u64) {
        self.command(Command::CancelFetch {
            fetch: FetchId(fetch),
        });
    }

    fn create_rtc_session(&self, ufrag: String, pwd: String) -> u64 {
        self.lock().create_rtc_session(Credentials { ufrag, pwd }).0
    }

    fn add_rtc_credentials(&self, session: u64, ufrag: String, pwd: String) {
        self.lock()
            .add_rtc_credentials(RtcSessionId(session), Credentials { ufrag, pwd });
    }

    #[pyo3(signature = (session, *, algorithm, fingerprint, dtls_client, sctp_port))]
    fn set_rtc_remote(
        &self,
        session: u64,
        algorithm: String,
        fingerprint: Vec<u8>,
        dtls_client: bool,
        sctp_port: Option<u16>,
    ) {
        self.lock().rtc(RtcCommand::SetRemote {
            session: RtcSessionId(session),
            remote: Remote {
                algorithm,
                fingerprint,
                dtls_client,
                sctp_port,
            },
        });
    }

    fn set_rtc_extensions(&self, session: u64, extensions: Vec<(u8, u16)>) {
        self.lock().rtc(RtcCommand::SetExtensions {
            session: RtcSessionId(session),
            extensions: extensions
                .into_iter()
                .map(|(id, number)| (id, ExtensionNumber(number)))
                .collect(),
        });
    }

    #[pyo3(signature = (session, *, mid, video, payload_types, encodings, silent_seconds))]
    fn open_rtc_track(
        &self,
        session: u64,
        mid: String,
        video: bool,
        payload_types: Vec<PyPayloadType>,
        encodings: Vec<PyEncoding>,
        silent_seconds: f64,
    ) -> PyResult<u64> {
        let options = track_options(mid, video, payload_types, encodings, silent_seconds)?;
        Ok(self.lock().open_rtc_track(RtcSessionId(session), options).0)
    }

    #[pyo3(signature = (session, track, *, mid, video, payload_types, encodings, silent_seconds))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python method"
    )]
    fn update_rtc_track(
        &self,
        session: u64,
        track: u64,
        mid: String,
        video: bool,
        payload_types: Vec<PyPayloadType>,
        encodings: Vec<PyEncoding>,
        silent_seconds: f64,
    ) -> PyResult<()> {
        let options = track_options(mid, video, payload_types, encodings, silent_seconds)?;
        self.lock().rtc(RtcCommand::UpdateTrack {
            session: RtcSessionId(session),
            track: TrackId(track),
            options: Box::new(options),
        });
        Ok(())
    }

    fn close_rtc_track(&self, session: u64, track: u64) {
        self.lock()
            .close_rtc_track(RtcSessionId(session), TrackId(track));
    }

    #[pyo3(signature = (session, track, *, mid, ssrc, rtx_ssrc, cname, mappings, layers))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python method"
    )]
    fn attach_rtc_sink(
        &self,
        session: u64,
        track: u64,
        mid: String,
        ssrc: u32,
        rtx_ssrc: Option<u32>,
        cname: String,
        mappings: Vec<PyMapping>,
        layers: Vec<String>,
    ) -> u64 {
        let options = sink_options(mid, ssrc, rtx_ssrc, cname, mappings, layers);
        self.lock()
            .attach_rtc_sink(RtcSessionId(session), TrackId(track), options)
            .0
    }

    #[pyo3(signature = (session, sink, *, track = None, mappings = None, layers = None, cname = None))]
    fn update_rtc_sink(
        &self,
        session: u64,
        sink: u64,
        track: Option<u64>,
        mappings: Option<Vec<PyMapping>>,
        layers: Option<Vec<String>>,
        cname: Option<String>,
    ) {
        let change = RtcSinkChange {
            track: None,
            mappings: mappings.map(self::mappings),
            layers,
            cname,
        };
        self.lock().update_rtc_sink(
            RtcSessionId(session),
            SinkId(sink),
            track.map(TrackId),
            change,
        );
    }

    fn detach_rtc_sink(&self, session: u64, sink: u64) {
        self.lock().rtc(RtcCommand::DetachSink {
            session: RtcSessionId(session),
            sink: SinkId(sink),
        });
    }

    fn close_rtc_session(&self, session: u64) {
        self.lock().rtc(RtcCommand::Close {
            session: RtcSessionId(session),
        });
    }
}
