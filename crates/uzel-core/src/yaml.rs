//! Text to a tree in which every value knows its place, and from there to any serde type.
