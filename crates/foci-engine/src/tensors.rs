//! Named tensors in a file: safetensors (Hugging Face), an index in JSON, then the plain values.
//!
//! The bytes written depend on names, shapes and values alone, so equal tensors make equal files.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::error::EngineError;

/// A tensor with its name and shape.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Unique in its file.
    pub name: String,
    /// Sizes, slowest first.
    pub shape: Vec<usize>,
    /// As many values as the sizes multiply to, in row-major order.
    pub values: Vec<f32>,
}

/// The bytes of a safetensors file of float32 tensors.
pub(crate) fn to_safetensors(tensors: &[NamedTensor]) -> Result<Vec<u8>, EngineError> {
    let refused =
        |reason: String| EngineError::Damaged { file: "the model to be written".to_owned(), reason };
    let bytes = |tensor: &NamedTensor| tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let data: Vec<Vec<u8>> = tensors.iter().map(bytes).collect();
    let mut views = Vec::with_capacity(tensors.len());
    for (tensor, bytes) in tensors.iter().zip(&data) {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes);
        views.push((tensor.name.as_str(), view.map_err(|error| refused(error.to_string()))?));
    }
    serialize(views, None).map_err(|error| refused(error.to_string()))
}

/// Float32 tensors read from one file, by name, and where they came from (for messages).
pub(crate) struct TensorFile {
    source: String,
    tensors: BTreeMap<String, NamedTensor>,
}

impl TensorFile {
    /// Reads the bytes of a safetensors file; `source` names it in messages.
    pub(crate) fn from_safetensors(bytes: &[u8], source: &str) -> Result<TensorFile, EngineError> {
        let file = SafeTensors::deserialize(bytes)
            .map_err(|error| EngineError::Damaged { file: source.to_owned(), reason: error.to_string() })?;
        let mut result = TensorFile { source: source.to_owned(), tensors: BTreeMap::new() };
        for (name, view) in file.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(result.wrong(name, format!("has type {}; convert it to F32", view.dtype())));
            }
            let values: Vec<f32> =
                view.data().as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(result.wrong(
                    name,
                    format!(
                        "holds the value {value}, with which nothing can be computed; train the model again"
                    ),
                ));
            }
            let tensor = NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values };
            result.tensors.insert(name.to_owned(), tensor);
        }
        Ok(result)
    }

    /// Names, in alphabetical order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The values of tensor `name`, which must have that shape.
    pub(crate) fn values(&self, name: &str, shape: &[usize]) -> Result<&[f32], EngineError> {
        match self.tensors.get(name) {
            None => Err(self.wrong(name, "is missing; the file belongs to another net".to_owned())),
            Some(tensor) if tensor.shape != shape => Err(self.wrong(
                name,
                format!(
                    "has shape {:?}, but the net has {shape:?}; the file belongs to another net",
                    tensor.shape
                ),
            )),
            Some(tensor) => Ok(&tensor.values),
        }
    }

    /// An error about tensor `name`.
    pub(crate) fn wrong(&self, name: &str, reason: String) -> EngineError {
        EngineError::Tensor { file: self.source.clone(), tensor: name.to_owned(), reason }
    }
}
