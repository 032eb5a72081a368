//! Write a Stagewright plugin in one file.
