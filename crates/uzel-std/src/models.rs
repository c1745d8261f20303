//! The models that ship with uzel; each file is one provider protocol or one built-in model.
pub mod offline;
