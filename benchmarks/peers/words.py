"""What every peer's / says: as long as what the patient says there."""

TEXT = "Hi, my name is web-1 and I'm a crashy app...\nBut I didn't crash... yet :D\n"
