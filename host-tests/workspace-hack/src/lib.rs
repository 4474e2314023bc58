//! Holds features together; see its manifest.
