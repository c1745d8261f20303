//! The kinds, models, tools and retrievers that ship with uzel.
