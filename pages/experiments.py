import streamlit as st

st.title("experiments")
