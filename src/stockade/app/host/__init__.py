"""The machine under a configuration: looked at, saved, shut, watched, and kept up with what its makers mend."""
