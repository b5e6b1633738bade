import streamlit as st

st.title("workers")
