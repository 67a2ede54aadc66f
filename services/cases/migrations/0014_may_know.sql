-- Who may be known follows from cases.known_protected() since 0006; nothing asks this any more.
DROP FUNCTION cases.may_know(text, uuid, uuid);
