//! The compiled half of Tidegate, as Python sees it.

use pyo3::prelude::*;

#[pymodule]
mod _engine {}
