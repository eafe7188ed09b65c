"""The known lab apps whose routes of their own the patient has; what they say is in `crashy/patient/answers.py`."""
