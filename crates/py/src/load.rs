//! `run_load`.

use ::load::{Progress, run_json};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Runs a plan to its end without the interpreter lock, which `progress` takes when it is told.
#[pyfunction]
pub(crate) fn run_load(py: Python<'_>, plan: String, progress: Py<PyAny>) -> PyResult<String> {
    py.detach(|| {
        run_json(&plan, |told: Progress| {
            let Ok(json) = serde_json::to_string(&told) else {
                return;
            };
            // What the listener raises is its own affair: a run is not stopped halfway.
            Python::attach(|py| drop(progress.call1(py, (json,))));
        })
    })
    .map_err(|error| PyRuntimeError::new_err(error.to_string()))
}
