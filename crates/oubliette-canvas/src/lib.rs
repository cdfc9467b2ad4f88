//! A drawn world: objects, styles and colours with captions.
