//! Fields that are blank, saturated or out of focus, by measures that can be told.
