//! `run_load`.

use std::io;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Carries out what standard input says, without the interpreter lock.
#[pyfunction]
pub(crate) fn run_load(py: Python<'_>) -> PyResult<()> {
    py.detach(|| load::serve(io::BufReader::new(io::stdin()), io::stdout()))
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
