"""The journey of one company from sign-in to a paid award, acted out from outside the platform.

The driver is the founder's browser, phone and service, the staff, and the auditor: it speaks HTTP
and reads files, and has no other way in.
"""
