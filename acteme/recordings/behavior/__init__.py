"""Logs of what people do with things: purchases, ratings, clicks and other events with categories.

A log becomes a corpus without a loop over events or users: columns are coded as they stream by, laid into arrays on
disk, sorted within users in blocks, and each user's stretch is seen by up to three recordings.
"""
