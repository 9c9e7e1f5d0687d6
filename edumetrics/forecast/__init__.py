"""Who is likely to fail, how high the exam will be, and how sure we are: frames in, frames out."""
