//! Makes the files that mean harm: weights, pictures and archives that lie about themselves.
use serde_json::Value;

/// A safetensors file taken apart: its header as JSON, and the bytes of its tensors.
pub(crate) struct Weights {
    pub(crate) header: Value,
    pub(crate) data: Vec<u8>,
}

impl Weights {
    /// Takes a whole file apart.
    pub(crate) fn of(bytes: &[u8]) -> Weights {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        Weights {
            header: serde_json::from_slice(&bytes[8..8 + length]).unwrap(),
            data: bytes[8 + length..].to_vec(),
        }
    }

    /// The name of the first tensor with that many axes.
    pub(crate) fn first(&self, rank: usize) -> String {
        let tensors = self.header.as_object().unwrap().iter();
        let mut fitting =
            tensors.filter(|(_, of)| of["shape"].as_array().is_some_and(|s| s.len() == rank));
        fitting.next().unwrap().0.clone()
    }

    /// The file again.
    pub(crate) fn file(&self) -> Vec<u8> {
        file(&serde_json::to_string(&self.header).unwrap(), &self.data)
    }

    /// Changes what the header says of one tensor.
    pub(crate) fn with(mut self, tensor: &str, key: &str, value: impl Into<Value>) -> Weights {
        self.header[tensor][key] = value.into();
        self
    }

    /// Writes the same four bytes over the first number of a tensor.
    pub(crate) fn first_number(mut self, tensor: &str, bytes: [u8; 4]) -> Weights {
        let at = self.header[tensor]["data_offsets"][0].as_u64().unwrap() as usize;
        self.data[at..at + 4].copy_from_slice(&bytes);
        self
    }

    /// Leaves one tensor out of the header, and its bytes where they are.
    pub(crate) fn without(mut self, tensor: &str) -> Weights {
        self.header.as_object_mut().unwrap().remove(tensor);
        self
    }
}

/// A safetensors file with any header.
pub(crate) fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// A PNG file whose header promises a picture of that size, with next to nothing behind it.
pub(crate) fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend_from_slice(&width.to_be_bytes());
    header.extend_from_slice(&height.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    chunk(&mut bytes, &header);
    chunk(&mut bytes, b"IDAT\x78\x9c\x03\x00\x00\x00\x00\x01");
    chunk(&mut bytes, b"IEND");
    bytes
}

/// A small whole PNG.
pub(crate) fn png(side: u32) -> Vec<u8> {
    let picture =
        image::RgbImage::from_fn(side, side, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, 77]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn chunk(bytes: &mut Vec<u8>, body: &[u8]) {
    bytes.extend_from_slice(&(body.len() as u32 - 4).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes.extend_from_slice(&checksum(body).to_be_bytes());
}

/// The checksum of PNG chunks (CRC-32, reflected, polynomial 0xedb88320).
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
    }
    !sum
}
