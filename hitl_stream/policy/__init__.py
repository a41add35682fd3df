"""The auto-approval policy: a versioned document and a pure function over evidence."""
