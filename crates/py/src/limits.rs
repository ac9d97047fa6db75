//! `Limits`.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

#[pyclass(frozen, module = "tidegate._engine")]
pub(crate) struct Limits(pub(crate) engine::Limits);

#[pymethods]
impl Limits {
    #[new]
    #[pyo3(signature = (
        *,
        sessions = 10_000,
        sessions_per_address = 2_000,
        handshakes_per_second = 2_000,
        half_open = 1_000,
        control_streams = 260,
        data_streams = 1_024,
        parked_streams = 64,
        parked_datagram_bytes = 65_536,
        parked_seconds = 15.0,
        header_seconds = 10.0,
        cache_bytes = 512 << 20,
        cache_bytes_per_scope = 64 << 20,
        cache_seconds = 10.0,
        queued_bytes_per_sink = 400_000,
        behind_seconds = 5.0,
        control_backlog_bytes = 1 << 20,
        idle_seconds = 10.0,
        rtc_sessions = 10_000,
        rtc_handshakes = 1_000,
        rtc_silent_seconds = 10.0,
        rtc_history_bytes = 256 << 20,
    ))]
    #[allow(
        clippy::too_many_arguments,
        reason = "keyword arguments of a Python constructor"
    )]
    fn new(
        sessions: usize,
        sessions_per_address: usize,
        handshakes_per_second: u32,
        half_open: usize,
        control_streams: u32,
        data_streams: u32,
        parked_streams: usize,
        parked_datagram_bytes: usize,
        parked_seconds: f64,
        header_seconds: f64,
        cache_bytes: u64,
        cache_bytes_per_scope: u64,
        cache_seconds: f64,
        queued_bytes_per_sink: u64,
        behind_seconds: f64,
        control_backlog_bytes: usize,
        idle_seconds: f64,
        rtc_sessions: usize,
        rtc_handshakes: usize,
        rtc_silent_seconds: f64,
        rtc_history_bytes: usize,
    ) -> PyResult<Self> {
        Ok(Self(engine::Limits {
            sessions,
            sessions_per_address,
            handshakes_per_second,
            half_open,
            control_streams,
            data_streams,
            parked_streams,
            parked_datagram_bytes,
            parked: seconds(parked_seconds)?,
            header: seconds(header_seconds)?,
            cache_bytes,
            cache_bytes_per_scope,
            cache: seconds(cache_seconds)?,
            queued_bytes: queued_bytes_per_sink,
            behind: seconds(behind_seconds)?,
            control_backlog: control_backlog_bytes,
            idle: seconds(idle_seconds)?,
            rtc_sessions,
            rtc_handshakes,
            rtc_silent: seconds(rtc_silent_seconds)?,
            rtc_history_bytes,
        }))
    }
}

pub(crate) fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|error| PyValueError::new_err(error.to_string()))
}
