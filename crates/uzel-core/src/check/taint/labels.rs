//! Who made a text, and what has not been done with it yet. Joined by [`Taint`](super::Taint), asked by the lints.

use crate::graph::facts::Origin;

/// Who made a text, and what has not been done with it yet. A set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::check) struct Labels(u16);

impl Labels {
    /// A model's answer that fits no schema but "a text".
    pub(in crate::check) const FREE: Self = Self(1 << 10);
    const SHIFT: u16 = 5;

    pub(super) fn origin(origin: Origin) -> Self {
        Self(1 << origin as u16)
    }

    /// Made by this one, and nobody looked whether it gives orders.
    pub(super) fn raw(origin: Origin) -> Self {
        match origin {
            Origin::Input | Origin::Retrieved | Origin::Tool => {
                Self(1 << origin as u16 | 1 << (origin as u16 + Self::SHIFT))
            }
            Origin::Model | Origin::Person => Self::origin(origin),
        }
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether one of them is in the other.
    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn screened(self) -> Self {
        let raw = |origin: Origin| Self(1 << (origin as u16 + Self::SHIFT));
        self.without(raw(Origin::Input)).without(raw(Origin::Retrieved)).without(raw(Origin::Tool))
    }

    /// Whether it is or holds a model's free answer.
    pub(in crate::check) fn is_free(self) -> bool {
        self.meets(Self::FREE)
    }

    /// Whether this one has made a part of it.
    pub(in crate::check) fn is_of(self, origin: Origin) -> bool {
        self.meets(Self::origin(origin))
    }

    /// Whose text in it nobody has looked at.
    pub(in crate::check) fn unseen(self) -> Option<Origin> {
        let raw = |origin: &Origin| self.meets(Self(1 << (*origin as u16 + Self::SHIFT)));
        [Origin::Input, Origin::Retrieved, Origin::Tool].into_iter().find(raw)
    }

    /// Whether it holds a text of this one at which nobody has looked.
    pub(in crate::check) fn is_unseen(self, origin: Origin) -> bool {
        self.meets(Self::raw(origin).without(Self::origin(origin)))
    }
}
