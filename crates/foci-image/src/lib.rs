//! Images, label images, data folders, tiles and synthetic specimens.
